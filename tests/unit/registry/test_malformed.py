"""Whatever is sent, the answer is never an internal error, and nothing is written elsewhere."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.registry.app import Registry
from ocinb.registry.messages import Request
from tests.unit.registry.conftest import Caller, codes

NAMES = [
    "A",
    "a//b",
    "/a",
    "a/",
    "..",
    "a/../b",
    "a/./b",
    "-a",
    "a-",
    "_blobs",
    "a/_tags",
    "a" * 256,
]
NAMES += ["a\0b", "a b", "ä", "a___b", "a..b", "a\nb", "a%2fb", "\\"]

piece = st.one_of(
    st.sampled_from(
        ["v2", "blobs", "uploads", "manifests", "tags", "list", "referrers", "_catalog", ""]
    ),
    st.sampled_from(["a", "..", ".", "latest", "sha256:" + "0" * 64, "sha256:zz", "_tags"]),
    st.text(max_size=20),
)
header = st.one_of(
    st.text(alphabet=st.characters(max_codepoint=255), max_size=30),
    st.sampled_from(
        ["0-9", "bytes=0-", "bytes=5-2", "9" * 40, "-1", "application/json", "Basic ="]
    ),
)
names = ["range", "content-range", "content-length", "content-type", "if-range", "authorization"]
parameters = ["n", "last", "digest", "mount", "from", "artifactType", "tag", "digest-algorithm"]


@pytest.fixture(scope="module")
def shared():
    with tempfile.TemporaryDirectory() as directory:
        yield Registry(Path(directory) / "registry")


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "X"]),
    path=st.lists(piece, max_size=7),
    query=st.lists(st.tuples(st.sampled_from(parameters), st.text(max_size=80)), max_size=3),
    headers=st.dictionaries(st.sampled_from(names), header, max_size=3),
    body=st.lists(st.binary(max_size=50), max_size=3),
)
def test_any_request_is_answered(shared, method, path, query, headers, body) -> None:
    request = Request(method, "/v2/" + "/".join(path), query, headers, body, "http://t")
    response = shared.handle(request)
    assert response.status < 500
    content = response.content()
    if response.status >= 400 and method != "HEAD":
        assert json.loads(content)["errors"]
    for name, value in response.headers.items():
        assert "\n" not in f"{name}{value}"
        (name + value).encode("latin-1")
    outside = set(os.listdir(shared.store.root.parent))
    assert outside == {"registry"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "manifests/1"),
        ("PUT", "manifests/1"),
        ("POST", "blobs/uploads/"),
        ("GET", "tags/list"),
        ("GET", "referrers/sha256:" + "0" * 64),
    ],
)
def test_a_name_that_breaks_the_grammar(call: Caller, name: str, method: str, path: str) -> None:
    response = call(method, f"/v2/{name}/{path}")
    assert response.status == 404
    assert codes(response)[0] in {"NAME_INVALID", "UNSUPPORTED"}


@pytest.mark.parametrize("tag", ["..", ".", "-x", ".x", "a b", "ä", "x" * 129, "a\0", "a\n"])
def test_a_tag_that_breaks_the_grammar(call: Caller, tag: str) -> None:
    assert call("GET", f"/v2/a/manifests/{tag}").status == 404
    assert call("HEAD", f"/v2/a/manifests/{tag}").status == 404
    assert call("PUT", f"/v2/a/manifests/{tag}", b"{}").status == 400
    assert call("DELETE", f"/v2/a/manifests/{tag}").status == 400


@pytest.mark.parametrize("digest", ["sha256:1", "md5:" + "0" * 32, "sha256:" + "A" * 64, "a:b:c"])
def test_a_digest_that_is_none(call: Caller, digest: str) -> None:
    for path, deleting in (("blobs", 400), ("manifests", 400)):
        get = call("GET", f"/v2/a/{path}/{digest}")
        assert (get.status, codes(get)) == (404, ["DIGEST_INVALID"])
        assert call("DELETE", f"/v2/a/{path}/{digest}").status == deleting


def test_a_read_only_registry_reads(call: Caller, tmp_path: Path) -> None:
    digest = call.push_manifest("a", "1")
    reader = Caller(Registry(tmp_path / "registry", read_only=True))
    assert reader("GET", f"/v2/a/manifests/{digest}").status == 200
    for method, path in (
        ("PUT", "manifests/1"),
        ("DELETE", "manifests/1"),
        ("POST", "blobs/uploads/"),
        ("DELETE", f"blobs/{digest}"),
    ):
        response = reader(method, f"/v2/a/{path}", b"{}")
        assert (response.status, codes(response)) == (405, ["UNSUPPORTED"])

"""Lists of tags, repositories and referrers."""

from __future__ import annotations

import json
import re

import pytest

from ocinb.registry import discovery
from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from tests.unit.registry.conftest import Caller, codes

SUBJECT = digest_of(b"the subject")


def tags(call: Caller, *query: tuple[str, str]) -> list[str]:
    return json.loads(call("GET", "/v2/a/tags/list", b"", *query).content())["tags"]


def follow(call: Caller, path: str, *query: tuple[str, str]) -> list[dict]:
    """The documents of all pages."""
    pages = []
    while True:
        response = call("GET", path, b"", *query)
        assert response.status == 200
        pages.append(json.loads(response.content()))
        link = response.headers.get("Link")
        if not link:
            return pages
        match = re.fullmatch(r'<(/v2/[^?]+)\?([^>]+)>; rel="next"', link)
        assert match
        from urllib.parse import parse_qsl

        path, query = match[1], tuple(parse_qsl(match[2]))


@pytest.fixture
def tagged(call: Caller) -> Caller:
    for tag in ("b", "A", "c", "B", "1.0"):
        call.push_manifest("a", tag)
    return call


def test_tags_are_in_lexical_order(tagged: Caller) -> None:
    assert tags(tagged) == ["1.0", "A", "B", "b", "c"]


def test_pages_of_tags(tagged: Caller) -> None:
    pages = follow(tagged, "/v2/a/tags/list", ("n", "2"))
    assert [page["tags"] for page in pages] == [["1.0", "A"], ["B", "b"], ["c"]]
    assert {page["name"] for page in pages} == {"a"}


def test_tags_behind_one_that_need_not_exist(tagged: Caller) -> None:
    assert tags(tagged, ("last", "A")) == ["B", "b", "c"]
    assert tags(tagged, ("last", "bb"), ("n", "5")) == ["c"]


def test_no_tags_asked_for(tagged: Caller) -> None:
    response = tagged("GET", "/v2/a/tags/list", b"", ("n", "0"))
    assert json.loads(response.content())["tags"] == []
    assert "Link" not in response.headers


@pytest.mark.parametrize("n", ["-1", "x", "1.5", "", "٣", "9" * 30])
def test_a_page_size_that_is_no_number(tagged: Caller, n: str) -> None:
    response = tagged("GET", "/v2/a/tags/list", b"", ("n", n))
    assert (response.status, codes(response)) == (400, ["UNSUPPORTED"])


def test_tags_of_a_repository_without_any(call: Caller) -> None:
    call.push_blob("a", b"x")
    assert tags(call) == []


def test_tags_of_a_repository_that_is_not(call: Caller) -> None:
    response = call("GET", "/v2/a/tags/list")
    assert (response.status, codes(response)) == (404, ["NAME_UNKNOWN"])


def test_the_catalog_lists_repositories_in_pages(call: Caller) -> None:
    for name in ("b/c", "a", "b", "b/c/d"):
        call.push_blob(name, b"x")
    call("POST", "/v2/only-an-upload/blobs/uploads/")
    pages = follow(call, "/v2/_catalog", ("n", "3"))
    assert [page["repositories"] for page in pages] == [["a", "b", "b/c"], ["b/c/d"]]


def referrer(call: Caller, **fields: object) -> str:
    subject = {"mediaType": media_types.IMAGE_MANIFEST, "digest": SUBJECT, "size": 11}
    return call.push_manifest("a", "r", subject=subject, **fields)


def test_referrers_are_an_index_of_what_points_here(call: Caller) -> None:
    plain = referrer(call)
    typed = referrer(call, artifactType="a/sbom", annotations={"k": "v"})
    response = call("GET", f"/v2/a/referrers/{SUBJECT}")
    assert response.headers["Content-Type"] == media_types.IMAGE_INDEX
    index = json.loads(response.content())
    assert (index["schemaVersion"], index["mediaType"]) == (2, media_types.IMAGE_INDEX)
    found = {entry["digest"]: entry for entry in index["manifests"]}
    assert found[plain]["artifactType"] == media_types.EMPTY  # the config's, as the rule says
    assert "annotations" not in found[plain]
    assert found[typed]["artifactType"] == "a/sbom"
    assert found[typed]["annotations"] == {"k": "v"}
    assert found[typed]["mediaType"] == media_types.IMAGE_MANIFEST
    assert found[typed]["size"] == len(call("GET", f"/v2/a/manifests/{typed}").content())


def test_an_index_refers_too_and_needs_no_type(call: Caller) -> None:
    subject = {"mediaType": media_types.IMAGE_MANIFEST, "digest": SUBJECT, "size": 11}
    index = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_INDEX,
        "manifests": [],
        "subject": subject,
    }
    assert call("PUT", "/v2/a/manifests/i", json.dumps(index).encode()).status == 201
    response = call("GET", f"/v2/a/referrers/{SUBJECT}")
    (entry,) = json.loads(response.content())["manifests"]
    assert "artifactType" not in entry


def test_referrers_of_one_type(call: Caller) -> None:
    referrer(call, artifactType="a/sbom")
    signature = referrer(call, artifactType="a/signature")
    query = ("artifactType", "a/signature")
    response = call("GET", f"/v2/a/referrers/{SUBJECT}", b"", query)
    assert response.headers["OCI-Filters-Applied"] == "artifactType"
    assert [e["digest"] for e in json.loads(response.content())["manifests"]] == [signature]
    whole = call("GET", f"/v2/a/referrers/{SUBJECT}")
    assert "OCI-Filters-Applied" not in whole.headers


def test_nobody_refers_to_what_nobody_knows(call: Caller) -> None:
    response = call("GET", f"/v2/no/such/repository/referrers/{SUBJECT}")
    assert response.status == 200
    assert json.loads(response.content())["manifests"] == []


@pytest.mark.parametrize("digest", ["sha256:1", "latest", "md5:aa", "sha256:" + "z" * 64])
def test_referrers_of_what_is_no_digest(call: Caller, digest: str) -> None:
    response = call("GET", f"/v2/a/referrers/{digest}")
    assert (response.status, codes(response)) == (400, ["DIGEST_INVALID"])


def test_a_deleted_referrer_is_listed_no_longer(call: Caller) -> None:
    digest = referrer(call)
    assert call("DELETE", f"/v2/a/manifests/{digest}").status == 202
    response = call("GET", f"/v2/a/referrers/{SUBJECT}")
    assert json.loads(response.content())["manifests"] == []


def test_more_referrers_than_one_manifest_holds(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "MAX_DOCUMENT", 1000)
    digests = {
        referrer(call, artifactType="a/x", annotations={"n": str(n) * 100}) for n in range(9)
    }
    pages = follow(call, f"/v2/a/referrers/{SUBJECT}", ("artifactType", "a/x"))
    assert len(pages) > 2
    assert all(len(json.dumps(page, separators=(",", ":"))) <= 1000 for page in pages)
    listed = [entry["digest"] for page in pages for entry in page["manifests"]]
    assert len(listed) == 9
    assert set(listed) == digests

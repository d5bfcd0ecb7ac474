"""A cache in front of another registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.errors import DigestMismatch, RegistryUnreachable
from ocinb.registry.app import Registry
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest, digest_of
from ocinb.spec.image_index import ImageIndex
from tests.unit.registry.conftest import Caller, codes

DATA = bytes(range(256)) * 1000


class Behind:
    """The upstream: another registry of ours, called directly."""

    def __init__(self, call: Caller) -> None:
        self.call = call
        self.down = False
        self.asked: list[str] = []
        self.damage = b""

    def _get(self, path: str):
        if self.down:
            raise RegistryUnreachable("no answer from upstream")
        self.asked.append(path)
        return self.call("GET", path)

    def manifest(self, name: str, reference: str) -> tuple[bytes, str] | None:
        response = self._get(f"/v2/{name}/manifests/{reference}")
        if response.status != 200:
            return None
        return response.content() + self.damage, response.headers["Content-Type"]

    def blob(self, name: str, digest: Digest) -> tuple[int, Iterator[bytes]] | None:
        response = self._get(f"/v2/{name}/blobs/{digest}")
        if response.status != 200:
            return None
        content = response.content()
        if self.damage:
            content = self.damage + content[len(self.damage) :]
        pieces = (content[start : start + 50_000] for start in range(0, len(content), 50_000))
        return len(content), pieces

    def tags(self, name: str) -> list[str] | None:
        response = self._get(f"/v2/{name}/tags/list")
        return json.loads(response.content())["tags"] if response.status == 200 else None

    def referrers(self, name: str, digest: Digest) -> list[Descriptor]:
        content = self._get(f"/v2/{name}/referrers/{digest}").content()
        return list(ImageIndex.parse(content).manifests)


@pytest.fixture
def behind(tmp_path: Path) -> Behind:
    return Behind(Caller(Registry(tmp_path / "behind")))


@pytest.fixture
def cache(tmp_path: Path, behind: Behind) -> Caller:
    return Caller(Registry(tmp_path / "cache", upstream=behind))


def test_a_blob_is_passed_on_and_kept(cache: Caller, behind: Behind) -> None:
    digest = behind.call.push_blob("a", DATA)
    for _ in range(2):
        response = cache("GET", f"/v2/a/blobs/{digest}")
        assert response.content() == DATA
        assert response.headers["Content-Length"] == str(len(DATA))
    assert len(behind.asked) == 1


def test_a_blob_that_is_damaged_on_the_way_is_neither_finished_nor_kept(
    cache: Caller, behind: Behind
) -> None:
    digest = behind.call.push_blob("a", DATA)
    behind.damage = b"xyz"
    response = cache("GET", f"/v2/a/blobs/{digest}")
    received = bytearray()
    with pytest.raises(DigestMismatch):
        for piece in response.body:
            received += piece
    assert len(received) < len(DATA)
    behind.damage = b""
    assert cache("GET", f"/v2/a/blobs/{digest}").content() == DATA


def test_a_tag_is_asked_for_each_time_a_digest_once(cache: Caller, behind: Behind) -> None:
    first = behind.call.push_manifest("a", "1")
    assert cache("HEAD", "/v2/a/manifests/1").headers["Docker-Content-Digest"] == first
    second = behind.call.push_manifest("a", "1", annotations={"n": "2"})
    assert cache("HEAD", "/v2/a/manifests/1").headers["Docker-Content-Digest"] == second
    behind.asked.clear()
    for digest in (first, second):
        assert cache("GET", f"/v2/a/manifests/{digest}").status == 200
    assert behind.asked == []


def test_when_upstream_is_down_what_we_have_is_served(cache: Caller, behind: Behind) -> None:
    digest = behind.call.push_manifest("a", "1")
    blob = behind.call.push_blob("a", DATA)
    cache("GET", "/v2/a/manifests/1")
    behind.down = True
    assert cache("GET", "/v2/a/manifests/1").headers["Docker-Content-Digest"] == digest
    for path in ("manifests/2", f"blobs/{blob}"):
        response = cache("GET", f"/v2/a/{path}")
        assert response.status == 502
        assert "no answer" in response.content().decode()


def test_a_manifest_that_is_not_what_was_asked_for(cache: Caller, behind: Behind) -> None:
    digest = behind.call.push_manifest("a", "1")
    behind.damage = b" "
    assert cache("GET", f"/v2/a/manifests/{digest}").status == 502
    behind.damage = b""
    assert cache("GET", f"/v2/a/manifests/{digest}").status == 200


def test_what_upstream_has_not_is_not_here(cache: Caller) -> None:
    assert codes(cache("GET", "/v2/a/manifests/1"))[0] == "MANIFEST_UNKNOWN"
    assert codes(cache("GET", f"/v2/a/blobs/{digest_of(b'x')}")) == ["BLOB_UNKNOWN"]
    assert cache("GET", "/v2/a/manifests/..").status == 404


def test_a_cache_takes_no_pushes(cache: Caller) -> None:
    assert cache("POST", "/v2/a/blobs/uploads/").status == 405


def test_lists_are_those_of_upstream_or_else_our_own(cache: Caller, behind: Behind) -> None:
    for tag in ("1", "2", "3"):
        subject = behind.call.push_manifest("a", tag, annotations={"n": tag})
    cache("GET", "/v2/a/manifests/2")
    page = json.loads(cache("GET", "/v2/a/tags/list", b"", ("n", "2")).content())
    assert page["tags"] == ["1", "2"]
    assert json.loads(cache("GET", "/v2/a/tags/list").content())["tags"] == ["1", "2", "3"]
    referrers = f"/v2/a/referrers/{subject}"
    assert json.loads(cache("GET", referrers).content())["manifests"] == []
    behind.down = True
    assert json.loads(cache("GET", "/v2/a/tags/list").content())["tags"] == ["2"]
    assert cache("GET", referrers).status == 200
    assert cache("GET", "/v2/b/tags/list").status == 404

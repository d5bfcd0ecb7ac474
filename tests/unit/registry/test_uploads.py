"""Uploads: in one request, in chunks, interrupted, cancelled."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ocinb.errors import StorageError
from ocinb.registry import uploads
from ocinb.registry.app import Registry
from ocinb.registry.messages import ClientGone, Request
from ocinb.spec.digest import digest_of
from tests.unit.registry.conftest import Caller, codes

DATA = b"0123456789"
DIGEST = digest_of(DATA)


@pytest.fixture
def location(call: Caller) -> str:
    response = call("POST", "/v2/a/b/blobs/uploads/")
    assert response.status == 202
    assert response.headers["Range"] == "0-0"
    return response.headers["Location"]


def ingest(registry: Registry) -> list[str]:
    return [p.name for p in (registry.store.root / "ingest").glob("upload-*")]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_post_then_put(call: Caller, location: str, algorithm: str) -> None:
    digest = digest_of(DATA, algorithm)
    response = call("PUT", location, DATA, ("digest", digest))
    assert response.status == 201
    assert response.headers["Location"] == f"/v2/a/b/blobs/{digest}"
    assert call("GET", response.headers["Location"]).content() == DATA
    assert call("GET", location).status == 404


def test_chunks_in_order(call: Caller, location: str) -> None:
    for start, piece in ((0, b"0123"), (4, b"456"), (7, b"789")):
        end = start + len(piece) - 1
        response = call("PATCH", location, piece, content_range=f"{start}-{end}")
        assert response.status == 202
        assert response.headers["Range"] == f"0-{end}"
        location = response.headers["Location"]
    assert call("PUT", location, b"", ("digest", DIGEST)).status == 201


def test_the_last_chunk_may_come_with_put(call: Caller, location: str) -> None:
    call("PATCH", location, DATA[:6], content_range="0-5")
    response = call("PUT", location, DATA[6:], ("digest", DIGEST), content_range="6-9")
    assert response.status == 201


def test_a_stream_without_ranges_is_appended(call: Caller, location: str) -> None:
    assert call("PATCH", location, DATA[:5]).status == 202
    assert call("PATCH", location, DATA[5:]).status == 202
    assert call("PUT", location, b"", ("digest", DIGEST)).status == 201


@pytest.mark.parametrize("content_range", ["1-4", "4-7", "900-903"])
def test_a_chunk_out_of_order_is_refused_and_told_where_to_go_on(
    call: Caller, location: str, content_range: str
) -> None:
    call("PATCH", location, b"01", content_range="0-1")
    response = call("PATCH", location, b"abcd", content_range=content_range)
    assert response.status == 416
    assert response.headers["Range"] == "0-1"
    assert codes(response) == ["BLOB_UPLOAD_INVALID"]
    assert call("PUT", location, DATA[2:], ("digest", DIGEST)).status == 201


def test_the_last_chunk_out_of_order_leaves_the_upload_open(call: Caller, location: str) -> None:
    call("PATCH", location, DATA[:5], content_range="0-4")
    query = ("digest", DIGEST)
    assert call("PUT", location, DATA[6:], query, content_range="6-9").status == 416
    assert call("PUT", location, DATA[5:], query, content_range="5-9").status == 201


@pytest.mark.parametrize("content_range", ["", "a-b", "5", "5-", "-5", "9-3", "0-1-2", "0–9"])
def test_a_content_range_that_cannot_be_read_is_refused(
    call: Caller, location: str, content_range: str
) -> None:
    response = call("PATCH", location, DATA, content_range=content_range)
    assert response.status == 400
    assert codes(response) == ["BLOB_UPLOAD_INVALID"]
    assert call("GET", location).headers["Range"] == "0-0"


@pytest.mark.parametrize("announced", ["0-3", "0-99"])
def test_a_length_other_than_announced_changes_nothing(
    call: Caller, location: str, announced: str
) -> None:
    response = call("PATCH", location, DATA, content_range=announced)
    assert response.status == 400
    assert codes(response) == ["SIZE_INVALID"]
    assert call("PUT", location, DATA, ("digest", DIGEST)).status == 201


def test_status_and_cancel(call: Caller, location: str, registry: Registry) -> None:
    call("PATCH", location, DATA[:5])
    status = call("GET", location)
    assert (status.status, status.headers["Range"]) == (204, "0-4")
    assert call("DELETE", location).status == 204
    assert ingest(registry) == []
    for method in ("GET", "DELETE", "PATCH"):
        response = call(method, location)
        assert response.status == 404
        assert codes(response) == ["BLOB_UPLOAD_UNKNOWN"]


@pytest.mark.parametrize("digest", [None, "", "sha256:1", "md5:0", "x", f"sha256:{'A' * 64}"])
def test_a_put_needs_a_digest(call: Caller, location: str, digest: str | None) -> None:
    query = [("digest", digest)] if digest is not None else []
    response = call("PUT", location, DATA, *query)
    assert response.status == 400
    assert codes(response) == ["DIGEST_INVALID"]


def test_other_bytes_than_the_digest_says(call: Caller, location: str, registry: Registry) -> None:
    response = call("PUT", location, b"something else", ("digest", DIGEST))
    assert response.status == 400
    assert codes(response) == ["DIGEST_INVALID"]
    assert call("GET", f"/v2/a/b/blobs/{DIGEST}").status == 404
    assert call("GET", location).status == 404
    assert ingest(registry) == []


def test_an_upload_belongs_to_its_repository(call: Caller, location: str) -> None:
    other = location.replace("/a/b/", "/c/")
    assert call("PATCH", other, DATA).status == 404


@pytest.mark.parametrize("upload", ["..", "x", "%2e%2e", "0" * 36, "../../_tags/x"])
def test_an_upload_that_we_never_opened(call: Caller, upload: str) -> None:
    assert call("PATCH", f"/v2/a/b/blobs/uploads/{upload}", DATA).status == 404


def test_an_upload_goes_on_after_a_restart(call: Caller, location: str, tmp_path: Path) -> None:
    call("PATCH", location, DATA[:5])
    again = Caller(Registry(tmp_path / "registry"))
    assert again("GET", location).headers["Range"] == "0-4"
    assert again("PUT", location, DATA[5:], ("digest", DIGEST)).status == 201


def test_what_came_before_the_client_vanished_is_kept(
    call: Caller, location: str, registry: Registry
) -> None:
    def body():
        yield DATA[:4]
        raise ClientGone("gone")

    with pytest.raises(ClientGone):
        registry.handle(Request("PATCH", location, headers={}, body=body()))
    assert call("GET", location).headers["Range"] == "0-3"
    assert call("PUT", location, DATA[4:], ("digest", DIGEST)).status == 201


def test_two_requests_do_not_write_to_one_upload(
    call: Caller, location: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PATIENCE", 0.1)
    begun, go_on = threading.Event(), threading.Event()

    def body():
        yield DATA[:4]
        begun.set()
        assert go_on.wait(20)

    first = threading.Thread(
        target=registry.handle, args=(Request("PATCH", location, headers={}, body=body()),)
    )
    first.start()
    assert begun.wait(20)
    assert call("PATCH", location, b"zzz").status == 409
    go_on.set()
    first.join(20)
    assert call("PUT", location, DATA[4:], ("digest", DIGEST)).status == 201


def test_the_same_blob_pushed_by_many_at_once(call: Caller) -> None:
    data = os.urandom(300_000)
    digest = digest_of(data)
    statuses: list[int] = []

    def push() -> None:
        response = call("POST", "/v2/a/b/blobs/uploads/", data, ("digest", digest))
        statuses.append(response.status)

    threads = [threading.Thread(target=push) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [201] * 8
    assert call("GET", f"/v2/a/b/blobs/{digest}").content() == data


def test_the_algorithm_can_be_told_at_the_start(call: Caller) -> None:
    response = call("POST", "/v2/a/b/blobs/uploads/", b"", ("digest-algorithm", "sha512"))
    location = response.headers["Location"]
    call("PATCH", location, DATA)
    digest = digest_of(DATA, "sha512")
    assert call("PUT", location, b"", ("digest", digest)).status == 201
    bad = call("POST", "/v2/a/b/blobs/uploads/", b"", ("digest-algorithm", "md5"))
    assert (bad.status, codes(bad)) == (400, ["DIGEST_INVALID"])


def test_the_least_size_of_a_chunk_is_announced(tmp_path: Path) -> None:
    call = Caller(Registry(tmp_path, minimum_chunk=5000))
    response = call("POST", "/v2/a/b/blobs/uploads/")
    assert response.headers["OCI-Chunk-Min-Length"] == "5000"


def test_a_full_disk_is_no_internal_error(
    call: Caller, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("cannot write /x: no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ocinb.content.writer.BlobWriter.write", full)
        response = call("PATCH", location, DATA)
        assert response.status == 507
    assert call("PUT", location, DATA, ("digest", DIGEST)).status == 201


def test_uploads_that_nobody_goes_on_with_are_removed(
    call: Caller, location: str, registry: Registry
) -> None:
    call("PATCH", location, DATA)
    storage = registry._storage
    partial = next((registry.store.root / "ingest").glob("upload-*"))
    assert uploads.expire(storage) == 0
    assert uploads.expire(storage, partial.stat().st_mtime + uploads.LIFETIME + 60) == 1
    assert call("GET", location).status == 404
    assert ingest(registry) == []

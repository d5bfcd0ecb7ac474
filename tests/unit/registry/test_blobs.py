"""Fetching, mounting and deleting blobs."""

from __future__ import annotations

import pytest

from ocinb.registry.app import Registry
from ocinb.spec.digest import digest_of
from tests.unit.registry.conftest import Caller, codes

DATA = bytes(range(256)) * 400  # larger than what is read before the answer begins
DIGEST = digest_of(DATA)
PATH = f"/v2/a/b/blobs/{DIGEST}"


def test_a_blob_comes_back_with_its_digest_and_length(call: Caller) -> None:
    call.push_blob("a/b", DATA)
    response = call("GET", PATH)
    assert (response.status, response.content()) == (200, DATA)
    assert response.headers["Docker-Content-Digest"] == DIGEST
    assert response.headers["Content-Length"] == str(len(DATA))
    assert response.headers["Accept-Ranges"] == "bytes"


def test_head_is_get_without_the_body(call: Caller) -> None:
    call.push_blob("a/b", DATA)
    get, head = call("GET", PATH), call("HEAD", PATH)
    get.content()
    assert (head.status, head.headers) == (200, get.headers)
    assert head.content() == b""


@pytest.mark.parametrize(
    ("header", "first", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 5),
        ("bytes=100000-", 100000, 2400),
        ("bytes=102399-999999999", 102399, 1),
        ("bytes=-10", 102390, 10),
    ],
)
def test_a_range_is_answered_with_just_that(call: Caller, header, first, length) -> None:
    call.push_blob("a/b", DATA)
    response = call("GET", PATH, range=header)
    assert response.status == 206
    assert response.content() == DATA[first : first + length]
    assert response.headers["Content-Length"] == str(length)
    assert response.headers["Content-Range"] == f"bytes {first}-{first + length - 1}/102400"


@pytest.mark.parametrize(
    "header", ["bytes=9-5", "bytes=1-2,4-5", "lines=1-2", "bytes=-", "bytes=x-y", "-5", ""]
)
def test_a_range_that_cannot_be_read_is_ignored(call: Caller, header) -> None:
    call.push_blob("a/b", DATA)
    response = call("GET", PATH, range=header)
    assert (response.status, response.content()) == (200, DATA)


@pytest.mark.parametrize("header", ["bytes=102400-", "bytes=500000-600000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(call: Caller, header) -> None:
    call.push_blob("a/b", DATA)
    response = call("GET", PATH, range=header)
    assert response.status == 416
    assert response.headers["Content-Range"] == "bytes */102400"
    assert codes(response) == ["SIZE_INVALID"]


def test_a_range_of_another_version_gives_the_whole_blob(call: Caller) -> None:
    call.push_blob("a/b", DATA)
    assert call("GET", PATH, range="bytes=0-4", if_range='"other"').status == 200
    assert call("GET", PATH, range="bytes=0-4", if_range=f'"{DIGEST}"').status == 206


def test_the_empty_blob_is_a_blob(call: Caller) -> None:
    digest = digest_of(b"")
    assert call("POST", "/v2/a/blobs/uploads/", b"", ("digest", digest)).status == 201
    response = call("GET", f"/v2/a/blobs/{digest}")
    assert (response.status, response.content()) == (200, b"")


def test_a_blob_belongs_to_its_repository_only(call: Caller) -> None:
    call.push_blob("a/b", DATA)
    response = call("GET", f"/v2/a/c/blobs/{DIGEST}")
    assert response.status == 404
    assert codes(response) == ["BLOB_UNKNOWN"]


def test_mounting_takes_a_blob_over_from_another_repository(call: Caller) -> None:
    call.push_blob("a/b", DATA)
    query = (("mount", DIGEST), ("from", "a/b"))
    response = call("POST", "/v2/a/c/blobs/uploads/", b"", *query)
    assert response.status == 201
    assert response.headers["Location"] == f"/v2/a/c/blobs/{DIGEST}"
    assert call("GET", response.headers["Location"]).content() == DATA


@pytest.mark.parametrize("source", ["other", "../a/b", ""])
def test_what_cannot_be_mounted_becomes_an_upload(call: Caller, source) -> None:
    response = call("POST", "/v2/c/blobs/uploads/", b"", ("mount", DIGEST), ("from", source))
    assert response.status == 202
    assert "/blobs/uploads/" in response.headers["Location"]


def test_a_mount_without_source_looks_everywhere(call: Caller) -> None:
    call.push_blob("a/b", DATA)
    assert call("POST", "/v2/c/blobs/uploads/", b"", ("mount", DIGEST)).status == 201


def test_a_deleted_blob_is_gone_from_its_repository_alone(call: Caller) -> None:
    call.push_blob("a", DATA)
    call.push_blob("b", DATA)
    assert call("DELETE", f"/v2/a/blobs/{DIGEST}").status == 202
    assert call("GET", f"/v2/a/blobs/{DIGEST}").status == 404
    assert call("DELETE", f"/v2/a/blobs/{DIGEST}").status == 404
    assert call("GET", f"/v2/b/blobs/{DIGEST}").content() == DATA


def test_a_blob_that_vanished_from_disk_is_unknown(call: Caller, registry: Registry) -> None:
    call.push_blob("a/b", DATA)
    registry.store.delete(DIGEST)
    assert call("GET", PATH).status == 404


def test_a_manifest_is_not_served_as_a_blob(call: Caller) -> None:
    digest = call.push_manifest("a/b", "1")
    assert call("GET", f"/v2/a/b/blobs/{digest}").status == 404

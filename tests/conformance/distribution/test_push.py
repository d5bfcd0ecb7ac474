"""Pushing. Each test is one MUST. Spec: distribution-spec spec.md#push"""

from __future__ import annotations

import json
import re

import httpx
import pytest

from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from tests.conformance.distribution.conftest import Repository, descriptor, manifest
from tests.support.empty import EMPTY_JSON

DATA = b"0123456789abcdef"
DIGEST = digest_of(DATA)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def patch(repository: Repository, location: str, data: bytes, start: int) -> httpx.Response:
    content_range = f"{start}-{start + len(data) - 1}"
    return repository("PATCH", location, data, headers={"content-range": content_range})


def close(repository: Repository, location: str, digest: str, data: bytes = b"") -> httpx.Response:
    url = httpx.URL(location).copy_merge_params({"digest": digest})
    return repository("PUT", str(url), data)


def errors(response: httpx.Response) -> list[str]:
    return [error["code"] for error in response.json()["errors"]]


def test_an_upload_is_opened_with_202_and_a_location(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#post-then-put"""
    response = repository("POST", "blobs/uploads/")
    assert response.status_code == 202
    assert UUID.search(response.headers["location"])


def test_each_upload_has_its_own_session(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#post-then-put"""
    assert repository.start() != repository.start()


def test_put_gives_201_and_a_pullable_location(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#post-then-put"""
    response = close(repository, repository.start(), DIGEST, DATA)
    assert response.status_code == 201
    assert repository("GET", response.headers["location"]).content == DATA


def test_a_single_post_gives_201_and_a_pullable_location(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#single-post"""
    response = repository("POST", "blobs/uploads/", DATA, params={"digest": DIGEST})
    if response.status_code == 202:  # not supported, as the specification allows
        response = close(repository, response.headers["location"], DIGEST, DATA)
    assert response.status_code == 201
    assert repository("GET", response.headers["location"]).content == DATA


@pytest.mark.parametrize("digest", [digest_of(b"other"), "sha256:bad", "", "md5:" + "0" * 32])
def test_a_digest_that_does_not_match_is_refused(repository: Repository, digest: str) -> None:
    """Spec: distribution-spec spec.md#single-post"""
    response = close(repository, repository.start(), digest, DATA)
    assert response.status_code == 400
    assert errors(response) == ["DIGEST_INVALID"]
    assert repository("GET", f"blobs/{DIGEST}").status_code == 404


def test_chunks_are_acknowledged_with_202_location_and_range(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-a-blob-in-chunks"""
    location = repository.start()
    for start in (0, 8):
        response = patch(repository, location, DATA[start : start + 8], start)
        assert response.status_code == 202
        assert response.headers["range"] == f"0-{start + 7}"
        location = response.headers["location"]
    response = close(repository, location, DIGEST)
    assert response.status_code == 201
    assert repository("GET", response.headers["location"]).content == DATA


def test_the_final_chunk_may_come_in_the_closing_put(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-a-blob-in-chunks"""
    location = patch(repository, repository.start(), DATA[:8], 0).headers["location"]
    assert close(repository, location, DIGEST, DATA[8:]).status_code == 201


@pytest.mark.parametrize("start", [1, 4, 12])
def test_a_chunk_out_of_order_is_416(repository: Repository, start: int) -> None:
    """Spec: distribution-spec spec.md#pushing-a-blob-in-chunks"""
    repository.requires("order")
    location = repository.start()
    if start != 1:
        location = patch(repository, location, DATA[:8], 0).headers["location"]
    assert patch(repository, location, DATA[start : start + 4], start).status_code == 416


def test_an_upload_tells_how_far_it_is(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-a-blob-in-chunks"""
    location = patch(repository, repository.start(), DATA[:8], 0).headers["location"]
    response = repository("GET", location)
    assert response.status_code == 204
    assert response.headers["range"] == "0-7"
    assert response.headers["location"]


def test_an_upload_can_be_cancelled(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#endpoints (end-14, in the text after 1.1.1)"""
    location = repository.start()
    assert repository("DELETE", location).status_code == 204
    assert repository("GET", location).status_code == 404


def test_a_mount_gives_201_and_a_pullable_location(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#mounting-a-blob-from-another-repository"""
    repository.push_blob(DATA)
    query = {"mount": DIGEST, "from": repository.name}
    response = repository("POST", f"/v2/{repository.name}-b/blobs/uploads/", params=query)
    assert response.status_code == 201
    assert repository("GET", response.headers["location"]).content == DATA


def test_a_mount_of_what_is_not_there_opens_an_upload(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#mounting-a-blob-from-another-repository"""
    query = {"mount": digest_of(b"nowhere"), "from": repository.name}
    response = repository("POST", f"/v2/{repository.name}-b/blobs/uploads/", params=query)
    assert response.status_code == 202
    assert response.headers["location"]


def test_a_manifest_is_kept_byte_for_byte(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-manifests"""
    repository.push_blob(EMPTY_JSON)
    data = b"\n  " + manifest(**{"com.example.x": [1, "ä"]}) + b"\n"
    response = repository.put("1.0", data)
    assert response.status_code == 201
    assert repository.get(response.headers["location"]).content == data
    assert repository.get("1.0").content == data


def test_the_digest_header_is_the_one_the_client_gave(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-manifests"""
    response = repository.push_manifest(digest_of(manifest()))
    assert response.status_code == 201
    assert response.headers["docker-content-digest"] == digest_of(manifest())


def test_sha512_is_kept_under_its_own_digest(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-manifests"""
    repository.requires("sha512")
    repository.push_blob(EMPTY_JSON)
    digest = digest_of(manifest(), "sha512")
    response = repository.put(digest, manifest())
    assert response.headers["docker-content-digest"] == digest
    assert repository.get(digest).content == manifest()


def test_a_missing_blob_is_told_as_manifest_blob_unknown(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#push"""
    repository.push_blob(EMPTY_JSON)
    data = manifest(layers=[descriptor(b"missing", media_types.LAYER_GZIP)])
    response = repository.put("1.0", data)
    assert response.status_code in (400, 404)
    assert errors(response) == ["MANIFEST_BLOB_UNKNOWN"]


def test_a_missing_subject_is_no_reason_to_refuse(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#push"""
    response = repository.push_manifest("1.0", subject=descriptor(b"missing"))
    assert response.status_code == 201


def test_the_subject_is_acknowledged(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-manifests-with-subject"""
    repository.requires("referrers")
    response = repository.push_manifest("1.0", subject=descriptor(b"missing"))
    assert response.headers["oci-subject"] == digest_of(b"missing")


def test_a_manifest_of_four_megabytes_is_taken(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-manifests (a SHOULD)"""
    room = 4_000_000 - len(manifest(annotations={"x": ""}))
    response = repository.push_manifest("1.0", annotations={"x": "y" * room})
    assert response.status_code == 201


def test_a_manifest_over_the_limit_is_413(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-manifests (a SHOULD)"""
    repository.requires("limit")
    response = repository.push_manifest("1.0", annotations={"x": "y" * 4 * 1024 * 1024})
    assert response.status_code == 413


def test_error_bodies_have_the_form(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#error-codes"""
    for response in (
        repository.get("nothing"),
        repository("GET", f"blobs/{digest_of(b'nothing')}"),
        repository.put("1.0", b"{"),
        repository("GET", "tags/list"),
    ):
        assert 400 <= response.status_code < 500
        for error in json.loads(response.content)["errors"]:
            assert re.fullmatch("[A-Z_]+", error["code"])
            assert set(error) <= {"code", "message", "detail"}

"""Pushing, fetching and deleting manifests."""

from __future__ import annotations

import json

import pytest

from ocinb.registry.app import Registry
from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from ocinb.spec.document import MAX_DOCUMENT
from tests.support.empty import EMPTY_JSON
from tests.unit.registry.conftest import Caller, codes, manifest

UNKNOWN = digest_of(b"nobody has this")


def descriptor(media_type: str, digest: str, size: int = 2) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": size}


@pytest.mark.parametrize("reference", ["1.0", "_", "A" * 128])
def test_a_manifest_comes_back_byte_for_byte(call: Caller, reference: str) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    data = b" \n" + manifest(**{"x-unknown": [1.50, "ä"]})
    put = call("PUT", f"/v2/a/b/manifests/{reference}", data)
    assert put.status == 201
    assert put.headers["Docker-Content-Digest"] == digest_of(data)
    for path in (put.headers["Location"], f"/v2/a/b/manifests/{digest_of(data)}"):
        get, head = call("GET", path), call("HEAD", path)
        assert (get.status, get.content()) == (200, data)
        assert get.headers["Content-Type"] == media_types.IMAGE_MANIFEST
        assert get.headers["Docker-Content-Digest"] == digest_of(data)
        assert (head.status, head.headers, head.content()) == (200, get.headers, b"")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_pushing_by_digest(call: Caller, algorithm: str) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    digest = digest_of(manifest(), algorithm)
    response = call("PUT", f"/v2/a/b/manifests/{digest}", manifest())
    assert response.status == 201
    assert response.headers["Docker-Content-Digest"] == digest
    assert call("GET", f"/v2/a/b/manifests/{digest}").content() == manifest()


def test_a_digest_of_other_bytes_is_refused(call: Caller) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    response = call("PUT", f"/v2/a/b/manifests/{UNKNOWN}", manifest())
    assert (response.status, codes(response)) == (400, ["DIGEST_INVALID"])
    assert call("GET", f"/v2/a/b/manifests/{UNKNOWN}").status == 404


def test_tags_can_be_given_with_a_digest(call: Caller) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    path = f"/v2/a/b/manifests/{digest_of(manifest())}"
    response = call("PUT", path, manifest(), ("tag", "1.2"), ("tag", "1"), ("tag", "latest"))
    assert response.headers["OCI-Tag"] == "1.2, 1, latest"
    assert call("GET", "/v2/a/b/manifests/latest").content() == manifest()
    assert call("PUT", path, manifest(), ("tag", "../x")).status == 400
    assert call("PUT", path, manifest(), *[("tag", str(n)) for n in range(200)]).status == 414


def test_a_tag_moves(call: Caller) -> None:
    first = call.push_manifest("a/b", "latest")
    second = call.push_manifest("a/b", "latest", annotations={"n": "2"})
    get = call("GET", "/v2/a/b/manifests/latest")
    assert get.headers["Docker-Content-Digest"] == second
    assert call("GET", f"/v2/a/b/manifests/{first}").status == 200


def test_a_manifest_that_is_known_need_not_be_sent_again(call: Caller) -> None:
    digest = call.push_manifest("a/b", "1")
    response = call("GET", "/v2/a/b/manifests/1", if_none_match=f'"{digest}"')
    assert (response.status, response.content()) == (304, b"")


def test_missing_blobs_are_all_named(call: Caller) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    layers = [descriptor(media_types.LAYER_TAR, digest_of(bytes([n]))) for n in range(3)]
    response = call("PUT", "/v2/a/b/manifests/1", manifest(layers=layers))
    assert response.status == 404
    assert codes(response) == ["MANIFEST_BLOB_UNKNOWN"] * 3
    assert call("GET", "/v2/a/b/manifests/1").status == 404


def test_a_blob_of_another_repository_is_missing_here(call: Caller) -> None:
    call.push_blob("other", EMPTY_JSON)
    response = call("PUT", "/v2/a/b/manifests/1", manifest())
    assert codes(response) == ["MANIFEST_BLOB_UNKNOWN"]


def test_layers_that_may_not_be_distributed_may_be_missing(call: Caller) -> None:
    foreign = descriptor(media_types.NONDISTRIBUTABLE_GZIP, UNKNOWN)
    call.push_manifest("a/b", "1", layers=[foreign])


def test_the_children_of_an_index_must_be_there(call: Caller) -> None:
    child = call.push_manifest("a/b", "child")
    index = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX}
    good = {**index, "manifests": [descriptor(media_types.IMAGE_MANIFEST, child)]}
    response = call("PUT", "/v2/a/b/manifests/i", json.dumps(good).encode())
    assert response.status == 201
    nested = {**index, "manifests": [descriptor(media_types.IMAGE_INDEX, UNKNOWN)]}
    response = call("PUT", "/v2/a/b/manifests/n", json.dumps(nested).encode())
    assert (response.status, codes(response)) == (404, ["MANIFEST_BLOB_UNKNOWN"])


def test_a_subject_may_be_missing_and_is_acknowledged(call: Caller) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    data = manifest(subject=descriptor(media_types.IMAGE_MANIFEST, UNKNOWN))
    response = call("PUT", "/v2/a/b/manifests/1", data)
    assert response.status == 201
    assert response.headers["OCI-Subject"] == UNKNOWN


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"", media_types.IMAGE_MANIFEST),
        (b"{", media_types.IMAGE_MANIFEST),
        (b"[]", media_types.IMAGE_MANIFEST),
        (b"null", ""),
        (b"\xff\xfe", media_types.IMAGE_INDEX),
        (b"[" * 100_000, media_types.IMAGE_INDEX),
        (b"{}", media_types.IMAGE_MANIFEST),
        (manifest(schemaVersion=1), media_types.IMAGE_MANIFEST),
        (manifest(config=None), media_types.IMAGE_MANIFEST),
        (manifest(layers={}), media_types.IMAGE_MANIFEST),
        (manifest(config={"mediaType": "a/b", "digest": "x", "size": 1}), ""),
        (manifest(subject={"mediaType": "a/b"}), ""),
        (manifest(subject=5), ""),
        (manifest(), media_types.IMAGE_INDEX),  # says that it is a manifest
        (manifest(), media_types.DOCKER_MANIFEST),
        (manifest(manifests=[]), media_types.IMAGE_MANIFEST),  # both at once
        (b'{"schemaVersion":2,"manifests":[],"layers":[]}', media_types.IMAGE_INDEX),
        (manifest(), "text/html"),
        (manifest(mediaType="text/html"), ""),
        (b'{"schemaVersion":2}', media_types.DOCKER_MANIFEST_V1),
    ],
)
def test_what_is_no_manifest_is_refused(call: Caller, data: bytes, content_type: str) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    response = call("PUT", "/v2/a/b/manifests/1", data, content_type=content_type)
    assert (response.status, codes(response)) == (400, ["MANIFEST_INVALID"])
    assert call("GET", "/v2/a/b/manifests/1").status == 404


def test_parameters_of_the_content_type_are_ignored(call: Caller) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    kind = f"{media_types.IMAGE_MANIFEST}; charset=utf-8"
    assert call("PUT", "/v2/a/b/manifests/1", manifest(), content_type=kind).status == 201
    get = call("GET", "/v2/a/b/manifests/1")
    assert get.headers["Content-Type"] == media_types.IMAGE_MANIFEST


def test_dockers_old_schema_1_is_kept_as_it_is(call: Caller) -> None:
    data = b'{"schemaVersion":1,"name":"a/b","tag":"1","fsLayers":[],"history":[]}'
    kind = media_types.DOCKER_MANIFEST_V1_SIGNED
    assert call("PUT", "/v2/a/b/manifests/1", data, content_type=kind).status == 201
    get = call("GET", "/v2/a/b/manifests/1")
    assert (get.content(), get.headers["Content-Type"]) == (data, kind)


def test_a_manifest_has_at_most_four_mebibytes(call: Caller) -> None:
    call.push_blob("a/b", EMPTY_JSON)
    room = MAX_DOCUMENT - len(manifest(annotations={"x": ""}))
    largest = manifest(annotations={"x": "y" * room})
    assert call("PUT", "/v2/a/b/manifests/1", largest).status == 201
    too_large = largest + b" "
    for headers in ({}, {"content_length": ""}):
        response = call("PUT", "/v2/a/b/manifests/1", too_large, **headers)
        assert (response.status, codes(response)) == (413, ["SIZE_INVALID"])


def test_deleting_a_tag_leaves_the_manifest(call: Caller) -> None:
    digest = call.push_manifest("a/b", "1")
    assert call("DELETE", "/v2/a/b/manifests/1").status == 202
    assert call("GET", "/v2/a/b/manifests/1").status == 404
    assert call("DELETE", "/v2/a/b/manifests/1").status == 404
    assert call("GET", f"/v2/a/b/manifests/{digest}").status == 200


def test_deleting_a_manifest_takes_its_tags(call: Caller) -> None:
    digest = call.push_manifest("a/b", "1")
    call.push_manifest("a/b", "2")
    call.push_manifest("a/b", "other", annotations={"other": "one"})
    assert call("DELETE", f"/v2/a/b/manifests/{digest}").status == 202
    for reference in ("1", "2", digest):
        assert call("GET", f"/v2/a/b/manifests/{reference}").status == 404
    assert json.loads(call("GET", "/v2/a/b/tags/list").content())["tags"] == ["other"]


def test_deleting_where_nothing_is(call: Caller) -> None:
    response = call("DELETE", f"/v2/a/b/manifests/{UNKNOWN}")
    assert response.status == 404
    assert codes(response) == ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"]


def test_a_manifest_that_vanished_from_disk_is_unknown(call: Caller, registry: Registry) -> None:
    digest = call.push_manifest("a/b", "1")
    registry.store.delete(digest)
    assert call("GET", "/v2/a/b/manifests/1").status == 404
    assert call("DELETE", f"/v2/a/b/manifests/{digest}").status == 202

"""Pulling. Each test is one MUST. Spec: distribution-spec spec.md#pull"""

from __future__ import annotations

import pytest

from ocinb.spec.digest import digest_of
from tests.conformance.distribution.conftest import Repository, manifest

DATA = bytes(range(256)) * 10
UNKNOWN = digest_of(b"unknown")


def test_the_registry_answers_v2(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#determining-support"""
    assert repository("GET", "/v2/").status_code == 200


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_is_provided_with_200(repository: Repository, by: str) -> None:
    """Spec: distribution-spec spec.md#pulling-manifests"""
    repository.push_manifest("1.0")
    response = repository.get("1.0" if by == "tag" else digest_of(manifest()))
    assert (response.status_code, response.content) == (200, manifest())


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_that_is_not_there_is_404(repository: Repository, by: str) -> None:
    """Spec: distribution-spec spec.md#pulling-manifests"""
    repository.push_manifest("1.0")
    for method in ("GET", "HEAD"):
        assert repository.get("2.0" if by == "tag" else UNKNOWN, method).status_code == 404


@pytest.mark.parametrize("tag", ["a", "_", "A.b-c_d", "x" * 128])
def test_a_tag_that_matches_the_expression_is_taken(repository: Repository, tag: str) -> None:
    """Spec: distribution-spec spec.md#pulling-manifests"""
    assert repository.push_manifest(tag).status_code == 201
    assert repository.get(tag).status_code == 200


@pytest.mark.parametrize("tag", [".a", "-a", "x" * 129, "a+b", "a~"])
def test_a_tag_that_does_not_match_is_not(repository: Repository, tag: str) -> None:
    """Spec: distribution-spec spec.md#pulling-manifests"""
    assert repository.push_manifest(tag).status_code in (400, 404)
    assert repository.get(tag).status_code == 404


@pytest.mark.parametrize("name", ["a", "a/b/c", "a.b_c__d-e--f/0"])
def test_a_name_that_matches_the_expression_is_taken(repository: Repository, name: str) -> None:
    """Spec: distribution-spec spec.md#pulling-manifests"""
    repository.name = f"{repository.name}/{name}"
    assert repository.push_manifest("1").status_code == 201


@pytest.mark.parametrize("name", ["A", "a_", "a..b", "a___b", "-a", "a//b"])
def test_a_name_that_does_not_match_is_not(repository: Repository, name: str) -> None:
    """Spec: distribution-spec spec.md#pulling-manifests"""
    repository.name = f"{repository.name}/{name}"
    response = repository("POST", "blobs/uploads/")
    assert response.status_code in (301, 400, 404)


def test_a_repository_that_is_not_there_is_404(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pushing-manifests"""
    assert repository.get("1.0").status_code == 404


def test_a_blob_is_provided_with_200(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pulling-blobs"""
    digest = repository.push_blob(DATA)
    response = repository("GET", f"blobs/{digest}")
    assert (response.status_code, response.content) == (200, DATA)


def test_the_digest_header_is_that_of_the_body(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pulling-blobs"""
    digest = repository.push_blob(DATA)
    repository.push_manifest("1.0")
    for response in (repository("GET", f"blobs/{digest}"), repository.get("1.0")):
        assert response.headers["docker-content-digest"] == digest_of(response.content)


def test_a_blob_that_is_not_there_is_404(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#pulling-blobs"""
    repository.push_blob(DATA)
    for method in ("GET", "HEAD"):
        assert repository(method, f"blobs/{UNKNOWN}").status_code == 404


def test_head_of_what_exists_is_200(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#checking-if-content-exists-in-the-registry"""
    digest = repository.push_blob(DATA)
    repository.push_manifest("1.0")
    blob, found = repository("HEAD", f"blobs/{digest}"), repository.get("1.0", "HEAD")
    assert (blob.status_code, found.status_code) == (200, 200)
    assert blob.headers["content-length"] == str(len(DATA))
    assert found.headers["content-length"] == str(len(manifest()))
    assert (blob.content, found.content) == (b"", b"")


@pytest.mark.parametrize(("header", "part"), [("10-19", slice(10, 20)), ("100-", slice(100, None))])
def test_ranges_of_blobs(repository: Repository, header: str, part: slice) -> None:
    """Spec: distribution-spec spec.md#pulling-blobs (a SHOULD)"""
    digest = repository.push_blob(DATA)
    response = repository("GET", f"blobs/{digest}", headers={"range": f"bytes={header}"})
    assert (response.status_code, response.content) == (206, DATA[part])

"""Deleting. Each test is one MUST. Spec: distribution-spec spec.md#content-management"""

from __future__ import annotations

from ocinb.spec.digest import digest_of
from tests.conformance.distribution.conftest import Repository, manifest

UNKNOWN = digest_of(b"unknown")


def test_a_tag_is_deleted_with_202(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#deleting-tags"""
    repository.requires("tag-deletion")
    repository.push_manifest("1.0")
    assert repository("DELETE", "manifests/1.0").status_code == 202
    assert repository.get("1.0").status_code == 404
    assert repository.get(digest_of(manifest())).status_code == 200


def test_tags_that_cannot_be_deleted_are_400_or_405(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#deleting-tags"""
    repository.push_manifest("1.0")
    assert repository("DELETE", "manifests/1.0").status_code in (202, 400, 405)


def test_a_manifest_is_deleted_with_202(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#deleting-manifests"""
    repository.push_manifest("1.0")
    assert repository("DELETE", f"manifests/{digest_of(manifest())}").status_code == 202
    assert repository.get("1.0").status_code == 404
    assert repository.get(digest_of(manifest())).status_code == 404


def test_a_manifest_of_no_repository_is_404(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#deleting-manifests"""
    assert repository("DELETE", f"manifests/{UNKNOWN}").status_code == 404


def test_a_blob_is_deleted_with_202(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#deleting-blobs"""
    digest = repository.push_blob(b"a blob of " + repository.name.encode())
    assert repository("DELETE", f"blobs/{digest}").status_code == 202
    assert repository("GET", f"blobs/{digest}").status_code == 404


def test_a_blob_that_is_not_there_is_404(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#deleting-blobs"""
    repository.push_blob(b"x")
    assert repository("DELETE", f"blobs/{UNKNOWN}").status_code == 404

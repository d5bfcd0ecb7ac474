"""Lists. Each test is one MUST. Spec: distribution-spec spec.md#content-discovery"""

from __future__ import annotations

import re

import httpx
import pytest

from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from tests.conformance.distribution.conftest import Repository, descriptor, manifest

SUBJECT = b"the subject"


@pytest.fixture
def tagged(repository: Repository) -> Repository:
    repository.requires("tag-lists")
    for tag in ("c", "a", "d", "b"):
        assert repository.push_manifest(tag).status_code == 201
    return repository


def tags(repository: Repository, **query: object) -> list[str]:
    response = repository("GET", "tags/list", params=query)
    assert response.status_code == 200
    assert response.json()["name"] == repository.name
    return response.json()["tags"]


def test_tags_are_listed_in_lexical_order(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-tags"""
    repository.requires("tag-lists")
    pushed = "hcalfbkdjgei"  # so many that no directory has them in order by chance
    for tag in pushed:
        assert repository.push_manifest(tag).status_code == 201
    assert tags(repository) == sorted(pushed)


def test_a_list_has_the_name_and_all_tags(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-tags"""
    for tag in ("b", "a"):
        repository.push_manifest(tag)
    assert sorted(tags(repository)) == ["a", "b"]


def test_as_many_tags_as_asked_for(tagged: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-tags"""
    assert tags(tagged, n=3) == ["a", "b", "c"]
    assert tags(tagged, n=9) == ["a", "b", "c", "d"]


def test_no_tags_where_none_are_asked_for(tagged: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-tags"""
    response = tagged("GET", "tags/list", params={"n": 0})
    assert response.json()["tags"] == []
    assert "link" not in response.headers


def test_tags_after_the_last_one(tagged: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-tags"""
    assert tags(tagged, last="b") == ["c", "d"]
    assert tags(tagged, last="b", n=1) == ["c"]


def test_the_link_leads_to_the_next_page(tagged: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-tags"""
    response = tagged("GET", "tags/list", params={"n": 2})
    match = re.fullmatch('<([^>]+)>; ?rel="next"', response.headers["link"])
    assert match
    second = tagged("GET", str(httpx.URL(str(response.url)).join(match[1])))
    assert second.json()["tags"] == ["c", "d"]


def referrers(repository: Repository, **query: str) -> httpx.Response:
    repository.requires("referrers")
    return repository("GET", f"referrers/{digest_of(SUBJECT)}", params=query)


def test_referrers_are_an_index(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-referrers"""
    repository.push_manifest("r", subject=descriptor(SUBJECT))
    response = referrers(repository)
    assert response.status_code == 200
    assert response.headers["content-type"] == media_types.IMAGE_INDEX
    (entry,) = response.json()["manifests"]
    assert entry["digest"] == digest_of(manifest(subject=descriptor(SUBJECT)))


@pytest.mark.parametrize(
    ("fields", "artifact_type"),
    [
        ({}, media_types.EMPTY),
        ({"artifactType": ""}, media_types.EMPTY),
        ({"artifactType": "a/b"}, "a/b"),
    ],
)
def test_a_referrer_has_its_artifact_type(
    repository: Repository, fields: dict[str, str], artifact_type: str
) -> None:
    """Spec: distribution-spec spec.md#listing-referrers"""
    repository.push_manifest("r", subject=descriptor(SUBJECT), **fields)
    (entry,) = referrers(repository).json()["manifests"]
    assert entry["artifactType"] == artifact_type


def test_a_referrer_has_its_annotations(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-referrers"""
    repository.push_manifest("r", subject=descriptor(SUBJECT), annotations={"k": "v"})
    (entry,) = referrers(repository).json()["manifests"]
    assert entry["annotations"] == {"k": "v"}


def test_an_index_without_type_is_listed_without(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-referrers"""
    repository.requires("referrers")
    repository.push_manifest("child")
    index = (
        b'{"schemaVersion":2,"mediaType":"%b","manifests":[],'
        b'"subject":{"mediaType":"%b","digest":"%b","size":%d}}'
        % (
            media_types.IMAGE_INDEX.encode(),
            media_types.IMAGE_MANIFEST.encode(),
            digest_of(SUBJECT).encode(),
            len(SUBJECT),
        )
    )
    assert repository.put("i", index, media_types.IMAGE_INDEX).status_code == 201
    (entry,) = referrers(repository).json()["manifests"]
    assert "artifactType" not in entry


def test_no_referrers_are_an_empty_index_never_404(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-referrers"""
    response = referrers(repository)
    assert (response.status_code, response.json()["manifests"]) == (200, [])


def test_referrers_of_what_is_no_digest_are_400(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-referrers"""
    repository.requires("referrers")
    assert repository("GET", "referrers/sha256:bad").status_code == 400


def test_a_filter_that_was_applied_is_told(repository: Repository) -> None:
    """Spec: distribution-spec spec.md#listing-referrers"""
    for kind in ("a/one", "a/two"):
        repository.push_manifest("r", subject=descriptor(SUBJECT), artifactType=kind)
    response = referrers(repository, artifactType="a/two")
    assert response.headers["oci-filters-applied"] == "artifactType"
    assert [entry["artifactType"] for entry in response.json()["manifests"]] == ["a/two"]

"""Image references with Docker's defaults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import DocumentError, InvalidReference
from ocinb.spec.digest import Digest
from ocinb.spec.reference import Reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/a/b", "docker.io/a/b:latest"),
        ("localhost/demo", "localhost/demo:latest"),
        ("localhost:5000/demo:1", "localhost:5000/demo:1"),
        ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c:latest"),
        ("[::1]:5000/demo", "[::1]:5000/demo:latest"),
        ("ghcr.io/a/b", "ghcr.io/a/b:latest"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"quay.io/a/b:1.0@{DIGEST}", f"quay.io/a/b:1.0@{DIGEST}"),
        ("Registry/demo", "Registry/demo:latest"),
        ("a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest"),
        ("x:" + "t" * 128, "docker.io/library/x:" + "t" * 128),
    ],
)
def test_defaults_are_filled_in(text: str, complete: str) -> None:
    assert str(Reference.parse(text)) == complete


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("Nginx", "repository names are lower-case: library/nginx"),
        ("nginx:", "is not a tag"),
        ("nginx:.x", "is not a tag"),
        ("x:" + "t" * 129, "is not a tag"),
        ("a:b:c", "is not a tag"),
        ("a//b", "is not a repository name"),
        ("/a", "is not a repository name"),
        ("a/", "is not a repository name"),
        ("a/../b", "is not a repository name"),
        ("a___b", "is not a repository name"),
        ("https://ghcr.io/a", "is not a registry host"),
        ("-a.io/x", "is not a registry host"),
        ("a b", "is not a repository name"),
        ("nginx\n", "is not a repository name"),
        ("nginx@", "is not a digest"),
        ("nginx@sha256:12", "is not a sha256 digest"),
        ("a/" * 150 + "b", "longer than 255"),
    ],
)
def test_what_the_grammar_rejects_is_named(text: str, complaint: str) -> None:
    with pytest.raises(DocumentError) as caught:
        Reference.parse(text)
    assert complaint in f"{caught.value.message} {caught.value.hint}"


def test_the_digest_decides_where_a_tag_stands_beside_it() -> None:
    reference = Reference.parse(f"nginx:1.25@{DIGEST}")
    assert reference.selector == DIGEST
    assert Reference.parse("nginx:1.25").selector == "1.25"


@pytest.mark.parametrize("text", ["nginx", "nginx:1.2", "a/b", "ghcr.io/x", f"x@{DIGEST}"])
def test_the_familiar_form_is_short_and_means_the_same(text: str) -> None:
    reference = Reference.parse(text)
    assert Reference.parse(reference.familiar) == reference
    assert reference.familiar in (text, f"{text}:latest")


@pytest.mark.parametrize("text", ["library/a/b:1", "library/library", "library/localhost/x"])
def test_the_namespace_of_official_images_is_left_out_where_it_is_added_again(text: str) -> None:
    reference = Reference.parse(text)
    assert Reference.parse(reference.familiar) == reference


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("docker.io/localhost/x", "docker.io/localhost/x:latest"),
        ("docker.io/a.b/x:1", "docker.io/a.b/x:1"),
        (f"nginx:latest@{DIGEST}", f"nginx:latest@{DIGEST}"),
        ("nginx:latest", "nginx"),
    ],
)
def test_the_familiar_form_leaves_out_only_what_is_filled_in_again(
    text: str, familiar: str
) -> None:
    reference = Reference.parse(text)
    assert reference.familiar == familiar.removesuffix(":latest")
    assert Reference.parse(reference.familiar) == reference


def test_pinned_to_a_digest_it_has_no_tag() -> None:
    pinned = Reference.parse("ghcr.io/a/b:1").with_digest(Digest(DIGEST))
    assert str(pinned) == f"ghcr.io/a/b@{DIGEST}"


def test_registry_and_repository_have_at_most_255_characters() -> None:
    longest = f"ghcr.io/{'a' * 247}"
    assert len(Reference.parse(longest).name) == 255
    with pytest.raises(InvalidReference, match="longer than 255"):
        Reference.parse(longest + "a")


@pytest.mark.parametrize(
    ("text", "hinted"), [("ghcr.io/A/b", True), ("ghcr.io/a_-b", False), ("ghcr.io/A_-b", False)]
)
def test_capitals_are_hinted_at_where_they_are_what_is_wrong(text: str, hinted: bool) -> None:
    with pytest.raises(InvalidReference) as raised:
        Reference.parse(text)
    assert ("lower-case: a" in str(raised.value.hint)) == hinted


@given(st.text(max_size=60))
def test_any_text_is_a_stable_reference_or_a_clear_error(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except (InvalidReference, DocumentError) as error:
        assert "\n" not in error.message
    else:
        assert Reference.parse(str(reference)) == reference
        assert Reference.parse(reference.familiar) == reference

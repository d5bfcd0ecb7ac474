"""Digests: grammar, verification, chainIDs (image-spec descriptor.md#digests)."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import DigestMismatch, InvalidDigest
from ocinb.spec.digest import Digest, chain_ids, check, digest_of

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_digest_of_nothing_is_the_well_known_one() -> None:
    assert digest_of(b"") == EMPTY
    assert digest_of(b"", "sha512").algorithm == "sha512"


@given(st.binary(max_size=64), st.sampled_from(["sha256", "sha512"]))
def test_content_verifies_only_against_its_own_digest(data: bytes, algorithm: str) -> None:
    digest = digest_of(data, algorithm)
    digest.verify(data)
    with pytest.raises(DigestMismatch, match=f"layer has digest .*, expected {digest}"):
        digest.verify(data + b"x", "layer")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not a digest"),
        ("sha256", "is not a digest"),
        ("sha256:", "is not a digest"),
        (EMPTY[:-1], "is not a sha256 digest"),
        (EMPTY + "0", "is not a sha256 digest"),
        (EMPTY.upper().replace("SHA256", "sha256"), "is not a sha256 digest"),
        ("sha256:../../../../etc/passwd", "is not a digest"),
        (EMPTY + "\n", "is not a digest"),
        ("md5:d41d8cd98f00b204e9800998ecf8427e", "algorithm that is not supported"),
        ("sha384:" + "0" * 96, "algorithm that is not supported"),
    ],
)
def test_what_is_not_a_digest_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidDigest, match=complaint) as caught:
        Digest(text)
    assert caught.value.hint


@given(st.text(max_size=100))
def test_any_text_is_a_digest_or_a_clear_error(text: str) -> None:
    try:
        digest = Digest(text)
    except InvalidDigest as error:
        assert "\n" not in error.message
    else:
        assert len(hashlib.new(digest.algorithm).hexdigest()) == len(digest.encoded)


def test_chain_ids_follow_the_specifications_recurrence() -> None:
    one, two, three = (digest_of(name) for name in (b"1", b"2", b"3"))
    chained = digest_of(f"{one} {two}".encode())
    assert chain_ids([]) == []
    assert chain_ids([one, two, three]) == [one, chained, digest_of(f"{chained} {three}".encode())]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_parts_of_a_digest(algorithm: str) -> None:
    expected = hashlib.new(algorithm, b"data")
    digest = Digest(f"{algorithm}:{expected.hexdigest()}")
    assert digest.algorithm == algorithm
    assert digest.encoded == expected.hexdigest()
    assert digest.short == expected.hexdigest()[:12]
    hasher = digest.hasher()
    hasher.update(b"data")
    assert hasher.digest() == expected.digest()


def test_content_that_has_no_name_is_called_content() -> None:
    with pytest.raises(DigestMismatch, match=r"^content has digest"):
        Digest(EMPTY).verify(b"x")
    with pytest.raises(DigestMismatch, match=r"^content has digest"):
        check(Digest(EMPTY), digest_of(b"x"))


@pytest.mark.parametrize("length", [97, 98, 99, 5000])
def test_what_is_very_long_is_shown_as_far_as_a_line_goes(length: int) -> None:
    with pytest.raises(InvalidDigest) as caught:
        Digest("x" * length)
    shown = caught.value.message.removesuffix(" is not a digest")
    assert shown == (repr("x" * 97) if length == 97 else "'" + "x" * 96 + "…'")

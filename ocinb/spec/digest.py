"""Digests: the names of content."""

from __future__ import annotations

import hashlib
import re

from ocinb.errors import DigestMismatch, InvalidDigest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

ENCODED_LENGTH = {"sha256": 64, "sha512": 128}
"""Registered algorithms and their count of hexadecimal digits.

Spec: image-spec descriptor.md#registered-algorithms
"""

_GRAMMAR = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_HEX = re.compile(r"[a-f0-9]+")


class Digest(str):
    """A string ``algorithm:encoded`` that obeys the grammar and a registered algorithm.

    It is a ``str``, so that it can be a key, a path component and a cell of a table.

    Raises:
        InvalidDigest: malformed, or of an algorithm other than sha256 and sha512.

    Spec: image-spec descriptor.md#digests
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check and keep; see the class for what is raised."""
        if not isinstance(text, str) or not _GRAMMAR.fullmatch(text):
            raise InvalidDigest(
                f"{_short(text)} is not a digest",
                hint="a digest looks like sha256: and 64 hexadecimal digits",
                citation="image-spec descriptor.md#digests",
            )
        algorithm, _, encoded = text.partition(":")
        length = ENCODED_LENGTH.get(algorithm)
        if length is None:
            raise InvalidDigest(
                f"{_short(text)} has an algorithm that is not supported",
                hint="supported are " + " and ".join(ENCODED_LENGTH),
                citation="image-spec descriptor.md#registered-algorithms",
            )
        if len(encoded) != length or not _HEX.fullmatch(encoded):
            raise InvalidDigest(
                f"{_short(text)} is not a {algorithm} digest",
                hint=f"{algorithm} has {length} lower-case hexadecimal digits",
                citation="image-spec descriptor.md#registered-algorithms",
            )
        return super().__new__(cls, text)

    @property
    def algorithm(self) -> str:
        """``sha256`` or ``sha512``."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The hexadecimal digits."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first 12 digits, for people."""
        return self.encoded[:12]

    def hasher(self) -> hashlib._Hash:
        """A new hash object of this digest's algorithm."""
        return hashlib.new(self.algorithm)

    def verify(self, data: bytes, what: str = "content") -> None:
        """Raise ``DigestMismatch`` unless ``data`` has this digest.

        Spec: image-spec descriptor.md#verification
        """
        check(self, digest_of(data, self.algorithm), what)


def check(expected: Digest, actual: str, what: str = "content") -> None:
    """Raise ``DigestMismatch`` unless the two are equal."""
    if expected != actual:
        raise DigestMismatch(
            f"{what} has digest {actual}, expected {expected}",
            hint="the bytes were changed or damaged on the way; nothing of them was kept",
            citation="image-spec descriptor.md#verification",
        )


def digest_of(data: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of ``data``."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}")


def chain_ids(diff_ids: list[Digest] | tuple[Digest, ...]) -> list[Digest]:
    """The chainID of each layer with all layers below it, bottom to top.

    Spec: image-spec config.md#layer-chainid
    """
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(digest_of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain


def _short(text: object) -> str:
    shown = repr(text)
    return shown if len(shown) < 100 else shown[:97] + "…'"

"""Content descriptors: how one document points at another.

Spec: image-spec descriptor.md
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from ocinb.errors import InvalidDocument, SizeMismatch
from ocinb.spec import media_types
from ocinb.spec.digest import Digest, digest_of
from ocinb.spec.document import View
from ocinb.spec.platform import Platform


class Descriptor(View, frozen=True, kw_only=True):
    """Media type, digest and size of content, and where else to find it.

    Spec: image-spec descriptor.md#properties
    """

    media_type: str
    digest: Digest
    size: int = msgspec.field()
    urls: tuple[str, ...] | None = None
    annotations: dict[str, str] | None = None
    data: str | None = None
    artifact_type: str | None = None
    platform: Platform | None = None

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"size {self.size} is negative")

    @property
    def is_index(self) -> bool:
        """Whether it points at an image index (or Docker manifest list)."""
        return self.media_type in media_types.INDEXES

    @property
    def is_manifest(self) -> bool:
        """Whether it points at an image manifest."""
        return self.media_type in media_types.MANIFESTS

    def verify(self, data: bytes, what: str = "content") -> None:
        """Raise ``SizeMismatch`` or ``DigestMismatch`` unless ``data`` is what is described.

        Spec: image-spec descriptor.md#verification
        """
        if len(data) != self.size:
            raise SizeMismatch(
                f"{what} has {len(data):,} bytes, its descriptor says {self.size:,}",
                citation="image-spec descriptor.md#verification",
            )
        self.digest.verify(data, what)

    def embedded(self) -> bytes | None:
        """The content carried in ``data``, verified; None where there is none.

        Raises:
            InvalidDocument: not base64. DigestMismatch, SizeMismatch: other content.

        Spec: image-spec descriptor.md#embedded-content
        """
        if self.data is None:
            return None
        try:
            content = base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidDocument("the descriptor's data is not base64", path="$.data") from error
        self.verify(content, "embedded content")
        return content


def describe(data: bytes, media_type: str, /, **properties: object) -> Descriptor:
    """The descriptor of ``data``; further properties by their Python names."""
    base = Descriptor(media_type=media_type, digest=digest_of(data), size=len(data))
    return msgspec.structs.replace(base, **properties) if properties else base

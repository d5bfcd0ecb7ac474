"""The image index: manifests for several platforms.

Spec: image-spec image-index.md
"""

from __future__ import annotations

from ocinb.errors import InvalidDocument
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.document import View, decode
from ocinb.spec.manifest import check_kind


class ImageIndex(View, frozen=True, kw_only=True):
    """An image index (or Docker manifest list).

    Spec: image-spec image-index.md#image-index-property-descriptions
    """

    schema_version: int
    manifests: tuple[Descriptor, ...]
    media_type: str | None = None
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None

    @classmethod
    def parse(cls, data: bytes, media_type: str | None = None) -> ImageIndex:
        """The view of raw bytes; see ``Manifest.parse``.

        Raises:
            InvalidDocument: with the path of the field.
        """
        index = decode(data, cls, "the image index")
        check_kind(data, index.media_type, media_type, forbidden="layers")
        if index.schema_version != 2:
            raise InvalidDocument(
                f"the image index has schemaVersion {index.schema_version}, not 2",
                path="$.schemaVersion",
                citation="image-spec image-index.md#image-index-property-descriptions",
            )
        return index

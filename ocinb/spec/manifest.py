"""The image manifest: one config, its layers, for one platform.

Spec: image-spec manifest.md
"""

from __future__ import annotations

from typing import Any

from ocinb.errors import InvalidDocument
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.document import View, decode


class Manifest(View, frozen=True, kw_only=True):
    """An image manifest, or an artifact in the manifest's form.

    Spec: image-spec manifest.md#image-manifest-property-descriptions
    """

    schema_version: int
    config: Descriptor
    layers: tuple[Descriptor, ...]
    media_type: str | None = None
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None

    @classmethod
    def parse(cls, data: bytes, media_type: str | None = None) -> Manifest:
        """The view of raw bytes.

        Args:
            media_type: as which it was offered (descriptor or Content-Type). A document that
                says otherwise, or that is also an index, is refused: the same bytes must never
                be read in two ways.

        Raises:
            InvalidDocument: with the path of the field.
        """
        manifest = decode(data, cls, "the image manifest")
        check_kind(data, manifest.media_type, media_type, forbidden="manifests")
        if manifest.schema_version != 2:
            raise InvalidDocument(
                f"the image manifest has schemaVersion {manifest.schema_version}, not 2",
                path="$.schemaVersion",
                citation="image-spec manifest.md#image-manifest-property-descriptions",
            )
        return manifest

    @property
    def is_image(self) -> bool:
        """Whether it can be run: its config is an image config, not an artifact's."""
        return self.config.media_type in media_types.CONFIGS


class _Kind(View, frozen=True, kw_only=True):
    manifests: Any = None
    layers: Any = None
    config: Any = None
    fs_layers: Any = None


def check_kind(data: bytes, inner: str | None, offered: str | None, *, forbidden: str) -> None:
    """Refuse a document whose media type or fields make it two things at once.

    Spec: image-spec manifest.md#image-manifest-property-descriptions (mediaType)
    """
    if inner and offered and inner != offered:
        raise InvalidDocument(
            f"the document says it is {inner}, but was offered as {offered}",
            path="$.mediaType",
            hint="the registry or the index mislabels it; it is not used",
        )
    kind = decode(data, _Kind, "the document")
    if forbidden == "manifests":
        found = ["manifests"] if kind.manifests is not None else []
    else:
        parts = {"layers": kind.layers, "fsLayers": kind.fs_layers, "config": kind.config}
        found = [name for name, value in parts.items() if value is not None]
    if found:
        raise InvalidDocument(
            f"the document has {found[0]} and is something else at the same time",
            path=f"$.{found[0]}",
            hint="such a document can be read in two ways; it is not used",
        )

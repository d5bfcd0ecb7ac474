"""Manifests of every kind as listings: an index, an image, an artifact, Docker's schema 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ocinb.spec import media_types
from ocinb.spec.docker_schema1 import Schema1
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.table import Table, columns, parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocinb.spec.descriptor import Descriptor

INDEX_COLUMNS = columns("platform digest:digest size:bytes media_type artifact_type? annotations?")
"""A row for each manifest that the index names, in its order."""

PART_COLUMNS = columns("part digest:digest size:bytes media_type annotations?")
"""``part`` is config, layer 1 (the base) and so on, or subject."""

SCHEMA1_COLUMNS = columns(
    "layer:int blob_sum:digest id created:time created_by throwaway parent? comment?"
)
"""Bottom to top, as in all our listings; the document itself has the top first. ``throwaway``
layers hold nothing."""


def kind_of(descriptor: Descriptor, data: bytes) -> str:
    """What a manifest is, in words: ``image index``, ``artifact manifest`` …"""
    if descriptor.is_index:
        return "image index"
    if descriptor.media_type in media_types.SCHEMA1:
        return "Docker schema 1 manifest"
    is_image = Manifest.parse(data, descriptor.media_type).is_image
    return "image manifest" if is_image else "artifact manifest"


def manifest_table(descriptor: Descriptor, data: bytes) -> Table:
    """The listing of what a manifest or index names.

    Raises:
        InvalidDocument: it breaks its specification.

    Spec: image-spec manifest.md, image-spec image-index.md; for schema 1 Docker's convention
    """
    title = f"{kind_of(descriptor, data)} {descriptor.digest}"
    if descriptor.is_index:
        return _index(ImageIndex.parse(data, descriptor.media_type), title)
    if descriptor.media_type in media_types.SCHEMA1:
        return _schema1(Schema1.parse(data), title)
    return _manifest(Manifest.parse(data, descriptor.media_type), title)


def _index(index: ImageIndex, title: str) -> Table:
    rows = [
        (
            str(found.platform) if found.platform else "",
            found.digest,
            found.size,
            found.media_type,
            found.artifact_type or "",
            _text(found.annotations),
        )
        for found in index.manifests
    ]
    return Table(INDEX_COLUMNS, rows, title=title, key="digest")


def _manifest(manifest: Manifest, title: str) -> Table:
    parts = [("config", manifest.config)]
    parts += [(f"layer {n}", layer) for n, layer in enumerate(manifest.layers, 1)]
    if manifest.subject is not None:
        parts.append(("subject", manifest.subject))
    rows = [
        (part, found.digest, found.size, found.media_type, _text(found.annotations))
        for part, found in parts
    ]
    kind = f", {manifest.artifact_type}" if manifest.artifact_type else ""
    return Table(PART_COLUMNS, rows, title=title + kind, key="digest")


def _schema1(manifest: Schema1, title: str) -> Table:
    pairs = list(zip(manifest.fs_layers, manifest.history, strict=True))
    rows = [
        (number, layer.blob_sum, *_history(entry.document))
        for number, (layer, entry) in enumerate(reversed(pairs), 1)
    ]
    return Table(SCHEMA1_COLUMNS, rows, title=title, key="blob_sum")


def _history(document: dict[str, Any]) -> tuple[Any, ...]:
    """The columns behind ``blob_sum``, of a v1Compatibility document."""
    made = document.get("container_config")
    command = made.get("Cmd") if isinstance(made, dict) else None
    created = document.get("created")
    return (
        str(document.get("id") or ""),
        parse_rfc3339(created if isinstance(created, str) else None),
        " ".join(map(str, command)) if isinstance(command, list) else "",
        "yes" if document.get("throwaway") else "",
        str(document.get("parent") or ""),
        str(document.get("comment") or ""),
    )


def _text(annotations: Mapping[str, str] | None) -> str:
    return json.dumps(annotations, ensure_ascii=False) if annotations else ""

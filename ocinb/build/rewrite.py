"""Changing one image of what a name points at: an index is written anew around it.

Spec: image-spec image-index.md and considerations.md#extensibility
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocinb.build.draft import Draft, plain, set_annotations
from ocinb.content.store import Store
from ocinb.errors import InvalidDocument
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.document import encode, parse_object
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest

MAX_DEPTH = 4
"""Indexes within indexes that are looked into."""


def rewrite(
    store: Store, target: Descriptor, manifest: Descriptor, change: Callable[[Draft], object]
) -> Descriptor:
    """Change an image, and every index on the way to it.

    Args:
        target: what the name points at.
        manifest: the image to change: the target itself, or one that it lists.
        change: given the image, which it changes.

    Returns:
        What the name is to point at.

    Raises:
        InvalidDocument: the target does not lead to the manifest, or a document is malformed.
        BlobNotFound, DigestMismatch, StorageError.
    """
    draft = Draft.load(store, manifest)
    change(draft)
    written = draft.write(store).descriptor
    made = _replace(store, target, manifest, written, MAX_DEPTH)
    if made is None:
        raise InvalidDocument(f"{target.digest} does not list {manifest.digest}")
    return made


def annotate(store: Store, target: Descriptor, annotations: dict[str, str | None]) -> Descriptor:
    """Set annotations of an index, an image or an artifact; None removes one.

    Returns:
        What the name is to point at.

    Raises:
        InvalidDocument: it is none of these. BlobNotFound, StorageError.

    Spec: image-spec annotations.md#rules
    """
    data = store.read(target)
    if target.is_index:
        ImageIndex.parse(data, target.media_type)
        kind = media_types.IMAGE_INDEX
    elif Manifest.parse(data, target.media_type).is_image:
        draft = Draft.load(store, target)
        draft.annotate(annotations)
        return draft.write(store).descriptor
    else:
        kind = media_types.IMAGE_MANIFEST
    document = parse_object(data, f"the document {target.digest}")
    set_annotations(document, annotations)
    document["mediaType"] = kind
    return store.add(encode(document), kind)


def _replace(
    store: Store, target: Descriptor, old: Descriptor, new: Descriptor, depth: int
) -> Descriptor | None:
    """``target`` with another descriptor in the place of ``old``; None where it is not in it."""
    if target.digest == old.digest:
        return new
    if not target.is_index or not depth:
        return None
    data = store.read(target)
    listed = ImageIndex.parse(data, target.media_type).manifests
    document = parse_object(data, "the image index")
    found = False
    for number, descriptor in enumerate(listed):
        if descriptor.is_index and not store.has(descriptor.digest):
            continue  # of a platform that was never fetched
        made = _replace(store, descriptor, old, new, depth - 1)
        if made is not None:
            found = True
            document["manifests"][number] = _pointing(document["manifests"][number], made)
    if not found:
        return None
    document["mediaType"] = media_types.IMAGE_INDEX
    return store.add(encode(document), media_types.IMAGE_INDEX)


def _pointing(entry: dict[str, Any], made: Descriptor) -> dict[str, Any]:
    """An index's entry, pointing at something else; platform and annotations stay."""
    kept = {key: value for key, value in entry.items() if key not in ("data", "urls")}
    moved = {key: value for key, value in plain(made).items() if key != "platform"}
    return {**kept, **moved}

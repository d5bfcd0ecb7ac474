"""What a name leads to: index, manifests, configs, layers, and what refers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.content.reachability import children
from ocinb.errors import ContentError, OcinbError
from ocinb.spec import media_types
from ocinb.spec.document import MAX_DOCUMENT
from ocinb.spec.manifest import Manifest
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.content.store import Store
    from ocinb.spec.descriptor import Descriptor

GRAPH_COLUMNS = columns(
    "depth:int kind digest:digest size:bytes here what media_type? parent:digest? annotations?"
)
"""In the order of a walk in depth; ``parent``: the digest of what names it, empty for what the
name itself points at; for a ``referrer`` it is what its ``subject`` names. ``here``: whether the
store has the blob; ``what``: platform, artifact type, or the layer's number."""

DEEPEST = 6
"""Levels that are followed."""


def graph_table(store: Store, target: Descriptor, title: str = "") -> Table:
    """All descriptors to which one leads, and the store's artifacts that refer to these.

    A digest that is reached twice is listed under each of its parents, and followed once.

    Spec: image-spec descriptor.md#properties,
    image-spec manifest.md#image-manifest-property-descriptions
    """
    walk = _Walk(store)
    return Table(GRAPH_COLUMNS, walk.rows(target, "", 0, ""), title=title, key="digest")


class _Walk:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._followed: set[str] = set()
        self._referrers = _referrers(store)

    def rows(
        self, descriptor: Descriptor, parent: str, depth: int, what: str, kind: str = ""
    ) -> Iterator[tuple[Any, ...]]:
        here = self._store.has(descriptor.digest)
        notes = ", ".join(f"{k}={v}" for k, v in (descriptor.annotations or {}).items())
        yield (
            depth, kind or _kind(descriptor), descriptor.digest, descriptor.size,
            "yes" if here else "no", what or _what(descriptor), descriptor.media_type, parent,
            notes,
        )  # fmt: skip
        if descriptor.digest in self._followed or depth >= DEEPEST:
            return
        self._followed.add(descriptor.digest)
        if here and (descriptor.is_index or descriptor.is_manifest):
            yield from self._beneath(descriptor, depth)
        for referrer in self._referrers.get(descriptor.digest, ()):
            yield from self.rows(referrer, descriptor.digest, depth + 1, "", "referrer")

    def _beneath(self, descriptor: Descriptor, depth: int) -> Iterator[tuple[Any, ...]]:
        layer = 0
        data = _document(self._store, descriptor)
        manifest = Manifest.parse(data) if descriptor.is_manifest else None
        for child in children(data):
            if manifest and manifest.subject and child == manifest.subject:
                continue  # it is above
            what = ""
            if manifest is not None and child != manifest.config:
                layer += 1
                what = f"layer {layer}" if manifest.is_image else f"blob {layer}"
            yield from self.rows(child, descriptor.digest, depth + 1, what)


def _referrers(store: Store) -> dict[str, list[Descriptor]]:
    """Digest → the store's manifests that have it as their subject."""
    found: dict[str, list[Descriptor]] = {}
    for root in store.names.roots():
        if root.is_manifest and store.has(root.digest):
            try:
                subject = Manifest.parse(_document(store, root)).subject
            except OcinbError:
                continue
            if subject is not None:
                found.setdefault(subject.digest, []).append(root)
    return found


def _document(store: Store, descriptor: Descriptor) -> bytes:
    if descriptor.size > MAX_DOCUMENT:
        raise ContentError(f"{descriptor.digest} is too large for a manifest")
    return store.read(descriptor)


def _kind(descriptor: Descriptor) -> str:
    if descriptor.is_index:
        return "index"
    if descriptor.is_manifest:
        return "manifest"
    return "config" if descriptor.media_type in media_types.CONFIGS else "layer"


def _what(descriptor: Descriptor) -> str:
    if descriptor.platform is not None:
        return str(descriptor.platform)
    return descriptor.artifact_type or ""

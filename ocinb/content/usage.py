"""How much room images take: together, alone, and what could be freed."""

from __future__ import annotations

from collections import Counter

from ocinb.content.reachability import reachable
from ocinb.content.store import Store
from ocinb.frozen import Frozen
from ocinb.spec.digest import Digest


class ImageUsage(Frozen):
    """The room of one image; sizes in bytes of blobs as they are stored.

    Attributes:
        name: of the image.
        digest: what the name points at.
        size: all that it leads to and that is in the store.
        unique: what no other name leads to: freed when this one is removed.
        shared: the rest.
    """

    name: str
    digest: Digest
    size: int
    unique: int
    shared: int


class Usage(Frozen):
    """The room of a store, in bytes.

    Attributes:
        images: one for each name.
        total: all blobs.
        reclaimable: blobs to which no name leads, however new.
        partial: blobs on their way.
    """

    images: tuple[ImageUsage, ...]
    total: int
    reclaimable: int
    partial: int


def usage(store: Store) -> Usage:
    """Measure a store.

    Raises:
        InvalidDocument: ``index.json`` cannot be read.
    """
    sizes = {digest: store.size(digest) for digest in store.digests()}
    blobs = {
        name: {d.digest for d in reachable(store, [target]) if d.digest in sizes}
        for name, target in store.names.items()
    }
    users = Counter(digest for digests in blobs.values() for digest in digests)
    targets = dict(store.names.items())
    images = []
    for name, digests in blobs.items():
        size = sum(sizes[digest] for digest in digests)
        unique = sum(sizes[digest] for digest in digests if users[digest] == 1)
        images.append(
            ImageUsage(
                name=name,
                digest=targets[name].digest,
                size=size,
                unique=unique,
                shared=size - unique,
            )
        )
    kept = {descriptor.digest for descriptor in reachable(store, store.names.roots())}
    return Usage(
        images=tuple(images),
        total=sum(sizes.values()),
        reclaimable=sum(size for digest, size in sizes.items() if digest not in kept),
        partial=sum(path.stat().st_size for path in store.ingest.glob("*")),
    )

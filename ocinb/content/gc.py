"""Garbage: blobs to which no name leads.

Safe beside pulls that are under way. A blob that is new, or was claimed, in the last hour stays;
so does whatever came since the oldest lease began (``Store.lease``); partial blobs stay while
they are written to. Names cannot change while garbage is collected.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from ocinb.content.leases import oldest_lease
from ocinb.content.locks import locked
from ocinb.content.reachability import reachable
from ocinb.content.store import Store
from ocinb.errors import BlobNotFound
from ocinb.frozen import Frozen
from ocinb.spec.digest import Digest

GRACE = 3600.0
"""Seconds for which a blob that nothing leads to is left alone."""

PARTIAL_GRACE = 7 * 24 * 3600.0
"""Seconds for which a partial blob is kept to be resumed."""


class Garbage(Frozen):
    """What was collected, or would be.

    Attributes:
        blobs: digest and size in bytes of each blob.
        partials: name and size in bytes of each partial or temporary file.
    """

    blobs: tuple[tuple[Digest, int], ...]
    partials: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(size for _, size in (*self.blobs, *self.partials))


def collect(
    store: Store,
    *,
    roots: Iterable[Digest] = (),
    grace: float = GRACE,
    partial_grace: float = PARTIAL_GRACE,
    dry_run: bool = False,
    only: Container[Digest] | None = None,
) -> Garbage:
    """Remove what no name leads to.

    Args:
        store: the store.
        roots: further blobs to keep, as they are: what they lead to is not followed.
        grace: seconds; 0 takes also what came a moment ago, unless a lease protects it.
        partial_grace: the same for partial blobs.
        dry_run: only tell what would go.
        only: blobs that may go, where others are not to be judged now.

    Raises:
        InvalidDocument: ``index.json`` cannot be read; nothing is removed.
        StorageError: the disk refused.
    """
    now = time.time()
    with locked(store.ingest / "names.lock"):
        keep = {descriptor.digest for descriptor in reachable(store, store.names.roots())}
        keep.update(roots)
        with locked(store.ingest / "sweep.lock"):
            leased = oldest_lease(store.ingest)
            before = min(now - grace, now if leased is None else leased)
            blobs = tuple(_sweep(store, keep, before, dry_run, only))
        partials = tuple(_sweep_partials(store.ingest, now - partial_grace, dry_run))
    return Garbage(blobs=blobs, partials=partials)


def _sweep(
    store: Store,
    keep: set[Digest],
    before: float,
    dry_run: bool,
    only: Container[Digest] | None,
) -> Iterator[tuple[Digest, int]]:
    for digest in sorted(store.digests()):
        if digest in keep or (only is not None and digest not in only):
            continue
        with contextlib.suppress(FileNotFoundError, BlobNotFound):
            status = store.path(digest).stat()
            if status.st_mtime < before:
                if not dry_run:
                    store.delete(digest)
                yield digest, status.st_size


def _sweep_partials(ingest: Path, before: float, dry_run: bool) -> Iterator[tuple[str, int]]:
    for path in sorted(ingest.iterdir()):
        if path.name.endswith(".lock") or path.name.startswith("lease-"):
            continue
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            # Whoever writes to it holds the lock.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            status = path.stat()
            if status.st_mtime < before:
                if not dry_run:
                    path.unlink()
                yield path.name, status.st_size

"""Garbage of blobs and of unpacked layers, and the room that is left when it is gone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.content import gc as content_gc
from ocinb.content.leases import oldest_lease
from ocinb.content.reachability import reachable
from ocinb.content.usage import ImageUsage, usage
from ocinb.engine.chains import chains
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.owned_layer import sweep_owned
from ocinb.frozen import Frozen
from ocinb.overlay.records import MountRecords
from ocinb.spec.digest import Digest
from ocinb.spec.runtime_state import STOPPED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocinb.engine.engine import Engine


class Collected(Frozen):
    """What was removed, or would be. Sizes in bytes.

    Attributes:
        blobs: digest and size of blobs to which no name leads.
        partials: name and size of blobs that were never finished.
        layers: chainID and size (of its files) of unpacked layers that no image has.
        remains: name and size of what crashes left among the unpacked layers.
    """

    blobs: tuple[tuple[Digest, int], ...]
    partials: tuple[tuple[str, int], ...]
    layers: tuple[tuple[Digest, int], ...]
    remains: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        every = (*self.blobs, *self.partials, *self.layers, *self.remains)
        return sum(size for _, size in every)


class Room(Frozen):
    """The room that images take, in bytes.

    Attributes:
        images: the blobs of each name.
        unpacked: name → bytes of its unpacked layers, and of those that no other name has.
        garbage: what ``collect_garbage`` would remove, were nothing too new.
        blobs: all blobs.
        partial: blobs on their way.
        layers: all unpacked layers.
    """

    images: tuple[ImageUsage, ...]
    unpacked: dict[str, tuple[int, int]]
    garbage: Collected
    blobs: int
    partial: int
    layers: int


def collect_garbage(
    engine: Engine,
    *,
    grace: float = content_gc.GRACE,
    partial_grace: float | None = None,
    blobs: bool = True,
    dry_run: bool = False,
) -> Collected:
    """Remove blobs and unpacked layers that no image has, and what crashes left.

    Safe beside pulls, builds and containers of other processes: what is new, what a lease
    protects, and what is mounted stays.

    Args:
        grace: seconds for which what nothing leads to is left alone.
        partial_grace: the same for blobs that may be resumed; None: a week, or ``grace`` if that
            is 0.
        blobs: whether to look at blobs; without it only at unpacked layers.
        dry_run: only tell.

    Raises:
        InvalidDocument: ``index.json`` cannot be read; nothing is removed. StorageError.
    """
    store = engine.store
    if partial_grace is None:
        partial_grace = content_gc.PARTIAL_GRACE if grace else 0.0
    # Layers first: a blob that is kept can be unpacked again, a layer cannot be packed.
    layers = tuple(_collect_layers(engine, time.time() - grace, dry_run))
    remains = tuple(engine.layers.sweep(time.time() - grace, dry_run=dry_run))
    if not dry_run:
        sweep_owned(engine.settings.owned, engine.layers)
    if not blobs:
        return Collected(blobs=(), partials=(), layers=layers, remains=remains)
    found = content_gc.collect(store, grace=grace, partial_grace=partial_grace, dry_run=dry_run)
    return Collected(blobs=found.blobs, partials=found.partials, layers=layers, remains=remains)


def room(engine: Engine) -> Room:
    """Measure store and unpacked layers.

    Raises:
        InvalidDocument: ``index.json`` cannot be read.
    """
    store, layers = engine.store, engine.layers
    there = {chain: _size(engine, chain) for chain in layers.chain_ids()}
    needed = {
        name: chains(store, reachable(store, [target])) & there.keys()
        for name, target in store.names.items()
    }
    unpacked = {}
    for name, mine in needed.items():
        others = set().union(*(theirs for other, theirs in needed.items() if other != name))
        total = sum(there[chain] for chain in mine)
        unpacked[name] = total, sum(there[chain] for chain in mine - others)
    blobs = usage(store)
    return Room(
        images=blobs.images,
        unpacked=unpacked,
        garbage=collect_garbage(engine, grace=0, dry_run=True),
        blobs=blobs.total,
        partial=blobs.partial,
        layers=sum(there.values()),
    )


def _collect_layers(engine: Engine, before: float, dry_run: bool) -> Iterable[tuple[Digest, int]]:
    store = engine.store
    leased = oldest_lease(store.ingest)
    before = before if leased is None else min(before, leased)
    kept = chains(store, reachable(store, store.names.roots()))
    used = _in_use(engine)
    if used is None:
        return
    for chain_id in engine.layers.chain_ids():
        if chain_id in kept or str(engine.layers.get(chain_id)) in used:
            continue
        size = _size(engine, chain_id)
        if engine.layers.touched(chain_id) < before:
            if not dry_run and not engine.layers.remove(chain_id, before=before):
                continue
            yield chain_id, size


def _in_use(engine: Engine) -> set[str] | None:
    """Directories that are mounted; None where a container does not tell (yet) what it mounts."""
    mounted = list(engine.mounts.list())
    for container in engine.containers.all():
        files = ContainerFiles(str(engine.settings.containers / container.id))
        own = list(MountRecords(files.mounts))
        if not own and container.status != STOPPED:
            return None
        mounted += own
    return {str(Path(layer)) for mount in mounted for layer in mount.layers}


def _size(engine: Engine, chain_id: Digest) -> int:
    numbers = engine.layers.summary(chain_id)
    return numbers["content"] if "content" in numbers else engine.layers.index(chain_id).content

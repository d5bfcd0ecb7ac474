"""Removing what is no longer of use: containers that have ended, and what nothing leads to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ocinb.engine.garbage import collect_garbage
from ocinb.engine.remove_image import remove_image, users
from ocinb.engine.repair import repair_mounts, repair_networks
from ocinb.errors import OcinbError
from ocinb.frozen import Frozen
from ocinb.network.networks import DEFAULT
from ocinb.spec.runtime_state import STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ocinb.engine.engine import Engine

KINDS = ("containers", "images", "layers", "mounts", "networks")
"""What goes if nobody says otherwise; ``volumes`` are somebody's data."""


class Pruned(Frozen):
    """Something that was removed, or would be.

    Attributes:
        kind: ``container``, ``image``, ``blob``, ``layer``, ``mount``, ``network``, ``volume`` …
        name: by which it was known.
        size: bytes; None where nobody measured.
    """

    kind: str
    name: str
    size: int | None = None


def prune(
    engine: Engine,
    kinds: Collection[str],
    *,
    every: bool = False,
    older: float = 0.0,
    dry_run: bool = False,
) -> list[Pruned]:
    """Remove what is of no use, in an order in which one frees the other.

    Args:
        kinds: of ``KINDS`` and ``volumes``.
        every: images that have a name, too, if no container is of them.
        older: seconds since a container ended.
        dry_run: only tell.

    Raises:
        OcinbError: something could not be removed; what was before it is.
    """
    steps: dict[str, Callable[[], Iterator[Pruned]]] = {
        "containers": lambda: _containers(engine, older, dry_run),
        "mounts": lambda: _mounts(engine, dry_run),
        "networks": lambda: _networks(engine, dry_run),
        "volumes": lambda: _volumes(engine, dry_run),
        "images": lambda: _images(engine, dry_run) if every else iter(()),
        "layers": lambda: _garbage(engine, "images" in kinds, dry_run),
    }
    if "images" in kinds:
        kinds = {*kinds, "layers"}
    return [one for kind, step in steps.items() if kind in kinds for one in step()]


def _containers(engine: Engine, older: float, dry_run: bool) -> Iterator[Pruned]:
    before = time.time() - older
    for record in engine.containers.all():
        if record.status != STOPPED or (record.ended or record.created) > before:
            continue
        size = _size(str(engine.settings.containers / record.id))
        if not dry_run:
            try:
                engine.containers.delete(record.id, volumes=False)
            except OcinbError:
                continue  # somebody else was quicker, or has just started it again
        yield Pruned(kind="container", name=record.name, size=size)


def _mounts(engine: Engine, dry_run: bool) -> Iterator[Pruned]:
    if not dry_run:
        for mount in repair_mounts(engine):
            yield Pruned(kind="mount", name=mount.target)


def _networks(engine: Engine, dry_run: bool) -> Iterator[Pruned]:
    """Networks that no container uses, and what is left of the networks of killed containers."""
    for network in engine.networks:
        if network.name == DEFAULT or engine.networks.leases(network):
            continue
        if not dry_run:
            try:
                engine.networks.remove(network.name)
            except OcinbError:
                continue  # a container has just come to use it
        yield Pruned(kind="network", name=network.name)
    if not dry_run:
        for line in repair_networks(engine):
            yield Pruned(kind="remains", name=line)


def _volumes(engine: Engine, dry_run: bool) -> Iterator[Pruned]:
    unused = [volume for volume in engine.volumes.all() if not volume.used_by]
    for volume in unused:
        size = _size(str(volume.path))
        if not dry_run:
            try:
                engine.volumes.remove(volume.name)
            except OcinbError:
                continue  # a container has just come to use it
        yield Pruned(kind="volume", name=volume.name, size=size)


def _images(engine: Engine, dry_run: bool) -> Iterator[Pruned]:
    used = {record.image for record in engine.containers.all()}
    for name, _ in list(engine.store.names.items()):
        if name in used or users(engine, name):
            continue
        size = None if dry_run else remove_image(engine, name).size
        yield Pruned(kind="image", name=name, size=size)


def _garbage(engine: Engine, blobs: bool, dry_run: bool) -> Iterator[Pruned]:
    """Unpacked layers, and blobs; what is new or leased stays, as ``gc`` has it."""
    found = collect_garbage(engine, blobs=blobs, dry_run=dry_run)
    for kind, removed in (
        ("layer", found.layers),
        ("remains", found.remains),
        ("blob", found.blobs),
        ("partial blob", found.partials),
    ):
        for name, size in removed:
            yield Pruned(kind=kind, name=str(name), size=size)


def _size(directory: str) -> int:
    """Bytes on disk of what is beneath a directory."""
    total = 0
    for path, _, files in os.walk(directory):
        for name in files:
            try:
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
            except OSError:
                continue
    return total

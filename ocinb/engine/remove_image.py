"""Removing an image from the store, with what it alone needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.content.gc import collect
from ocinb.content.reachability import reachable
from ocinb.content.short_names import resolve
from ocinb.engine.chains import chains
from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.owned_layer import sweep_owned
from ocinb.errors import ContainerError
from ocinb.frozen import Frozen
from ocinb.spec.digest import Digest
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    from ocinb.engine.engine import Engine


class Removed(Frozen):
    """What went with an image.

    Attributes:
        name: its whole name.
        blobs: how many were removed.
        size: bytes of these.
        layers: unpacked layers that were removed.
    """

    name: str
    blobs: int
    size: int
    layers: int


def users(engine: Engine, name: str) -> list[str]:
    """The containers whose image would be gone with a name, because no other leads to it.

    Args:
        name: whole.
    """
    store = engine.store
    mine = {found.digest for found in reachable(store, [store.names.get(name)])}
    others = [target for other, target in store.names.items() if other != name]
    gone = mine - {found.digest for found in reachable(store, others)}
    return sorted(
        record.name for record in engine.containers.all() if _manifest_of(engine, record.id) in gone
    )


def _manifest_of(engine: Engine, container: str) -> str | None:
    files = ContainerFiles(str(engine.settings.containers / container))
    digest: str | None = read_json(files.record).get("manifest")
    return digest


def remove_image(engine: Engine, reference: str, *, force: bool = False) -> Removed:
    """Remove a name, and the blobs and unpacked layers to which no other name leads.

    Where there are containers or mounts, unpacked layers stay: they may be in use.

    Args:
        force: with the containers that are made of it, running ones too.

    Raises:
        NameNotFound: no image of that name. AmbiguousName: several could be meant.
        ContainerError: containers are made of it. StorageError: the disk refused.
    """
    store, name = engine.store, resolve(engine.store.names, reference)
    for container in users(engine, name):
        if not force:
            named = ", ".join(users(engine, name))
            raise ContainerError(
                f"{Reference.parse(name).familiar} is in use by {named}",
                hint=f"ocinb rm them first; ocinb rmi --force {reference} does both",
            )
        engine.containers.delete(container, force=True)
    own = list(reachable(store, [store.names.get(name)]))
    own_chains = chains(store, own)
    store.names.remove(name)
    # Only what was this image's: other new blobs may be of an image that has no name yet.
    garbage = collect(store, grace=0, only={descriptor.digest for descriptor in own})
    gone: set[Digest] = set()
    if not engine.containers.all() and not engine.mounts.list():
        kept = chains(store, reachable(store, [target for _, target in store.names.items()]))
        gone = {chain for chain in own_chains - kept if engine.layers.get(chain) is not None}
        for chain in gone:
            engine.layers.remove(chain)
        sweep_owned(engine.settings.owned, engine.layers)
    return Removed(name=name, blobs=len(garbage.blobs), size=garbage.size, layers=len(gone))

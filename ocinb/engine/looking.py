"""The indexes and directories behind an image or a container, for looking into them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.engine.changed import own_tree
from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.copied_tree import index_copy
from ocinb.engine.own_changes import index_changes
from ocinb.errors import ContainerError
from ocinb.frozen import Frozen
from ocinb.layer.stack import Stack

if TYPE_CHECKING:
    from ocinb.engine.engine import Engine
    from ocinb.engine.images import LocalImage


class Looked(Frozen):
    """A stack, and where its layers lie.

    Attributes:
        image: whose layers they are.
        stack: computed from the layers' indexes.
        directories: bottom to top.
        names: chainIDs, bottom to top; for a container's own layer its id.
        mount_points: of a container: absolute paths at which something was mounted.
    """

    image: LocalImage
    stack: Stack
    directories: tuple[Path, ...]
    names: tuple[str, ...]
    mount_points: tuple[str, ...] = ()


def look_into(engine: Engine, image: LocalImage) -> Looked:
    """The layers of an image, unpacked where they are not yet.

    Raises:
        BlobNotFound, DigestMismatch, LayerError, StorageError.
    """
    directories = engine.images.unpack(image)
    chain_ids = image.config.chain_ids
    return Looked(
        image=image,
        stack=Stack([engine.layers.index(chain_id) for chain_id in chain_ids]),
        directories=tuple(directories),
        names=tuple(chain_ids),
    )


def look_into_container(engine: Engine, name: str) -> Looked:
    """The layers of a container's image, with what the container has written as one more.

    Raises:
        ContainerNotFound: there is none.
        ContainerError: its files are gone, or fakechroot has changed them, too.
        NameNotFound: its image is no longer in the store.
        BlobNotFound, LayerError, StorageError: as for ``look_into``.
    """
    record = engine.containers.get(name)
    below = look_into(engine, engine.images.get(record.image))
    files = ContainerFiles(str(engine.settings.containers / record.id))
    tree, copied = own_tree(files, record)
    if not os.path.isdir(tree):
        raise ContainerError(f"the files of container {record.name} are not there any more")
    changes = (
        index_copy(str(tree), below.stack, below.directories)
        if copied
        else index_changes(str(tree))
    )
    return Looked(
        image=below.image,
        stack=Stack([*below.stack.layers, changes]),
        directories=(*below.directories, tree),
        names=(*below.names, record.id),
        mount_points=tuple(
            str(mount["destination"])
            for mount in read_json(f"{files.bundle}/config.json").get("mounts") or ()
        ),
    )

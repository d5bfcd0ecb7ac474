"""What a container has changed: its writable directory, held still while it is looked at."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.containers import ContainerRecord, Containers
from ocinb.engine.emulated.launch_plan import FAKECHROOT
from ocinb.engine.operations import Operations
from ocinb.engine.own_changes import changes_taken, take_changes
from ocinb.errors import ContainerError, InvalidStatus, UnsupportedHost
from ocinb.frozen import Frozen
from ocinb.overlay.manager import COPIED
from ocinb.spec.runtime_state import CREATING, RUNNING


class Changed(Frozen):
    """A container's changes.

    Attributes:
        container: its id.
        image: the whole name of its image.
        manifest: the digest of the image's manifest; empty for one of an older version of ocinb.
        command: the program and its arguments.
        upper: the directory of what it changed, in overlayfs' form; of copied layers the tree.
        copied: whether its layers were copied, so that ``upper`` is a whole tree.
        mount_points: absolute paths at which something was mounted.
    """

    container: str
    image: str
    manifest: str
    command: tuple[str, ...]
    upper: Path
    copied: bool
    mount_points: tuple[str, ...]


@contextlib.contextmanager
def changed(containers: Containers, operations: Operations, name: str) -> Iterator[Changed]:
    """What a container has changed. It is paused until the context is left, if it runs.

    Raises:
        ContainerNotFound. InvalidStatus: it is just being created.
        ContainerError: it runs and cannot be paused, or fakechroot changed its files, too.
    """
    files, record = containers.find(name)
    if record.status == CREATING:
        raise InvalidStatus(f"container {record.name} is just being created")
    upper, copied = own_tree(files, record)
    running = record.status == RUNNING
    if running:
        _pause(operations, record.name)
    else:
        take_changes(str(upper))
    taken = changes_taken(str(upper)) if running else contextlib.nullcontext()
    try:
        config = read_json(f"{files.bundle}/config.json")
        with taken:
            yield Changed(
                container=record.id,
                image=record.image,
                manifest=read_json(files.record).get("manifest", ""),
                command=record.command,
                upper=upper,
                copied=copied,
                mount_points=tuple(str(m["destination"]) for m in config.get("mounts") or ()),
            )
    finally:
        if running:
            operations.resume(record.name)


def own_tree(files: ContainerFiles, record: ContainerRecord) -> tuple[Path, bool]:
    """What a container has written: its upper directory, or the tree of its copied layers; and
    whether it is that.

    Raises:
        ContainerError: fakechroot has changed the tree for its own purposes.
    """
    if not os.path.exists(f"{files.writable}/{COPIED}"):
        return Path(files.writable, "upper"), False
    if record.runtime == FAKECHROOT:
        raise ContainerError(
            f"nobody knows what container {record.name} changed: fakechroot has changed its copy "
            "of the image, too",
            hint="ocinb doctor says what would allow more",
        )
    return Path(files.rootfs), True


def _pause(operations: Operations, name: str) -> None:
    try:
        operations.pause(name)
    except (ContainerError, UnsupportedHost) as error:
        error.hint = f"it is changing while it runs: ocinb stop {name} first"
        raise

"""What a container has changed: its writable directory, held still while it is looked at."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ocinb.engine.container_files import read_json
from ocinb.engine.containers import Containers
from ocinb.engine.operations import Operations
from ocinb.engine.own_changes import changes_taken, take_changes
from ocinb.errors import ContainerError, InvalidStatus
from ocinb.frozen import Frozen
from ocinb.spec.runtime_state import CREATING, RUNNING


class Changed(Frozen):
    """A container's changes.

    Attributes:
        container: its id.
        image: the whole name of its image.
        manifest: the digest of the image's manifest; empty for one of an older version of ocinb.
        command: the program and its arguments.
        upper: the directory of what it changed, in overlayfs' form.
        mount_points: absolute paths at which something was mounted.
    """

    container: str
    image: str
    manifest: str
    command: tuple[str, ...]
    upper: Path
    mount_points: tuple[str, ...]


@contextlib.contextmanager
def changed(containers: Containers, operations: Operations, name: str) -> Iterator[Changed]:
    """What a container has changed. It is paused until the context is left, if it runs.

    Raises:
        ContainerNotFound. InvalidStatus: it is just being created.
        ContainerError: it runs and cannot be paused, or its layers were copied rather than
            stacked, so that nobody knows what it changed.
    """
    files, record = containers.find(name)
    if record.status == CREATING:
        raise InvalidStatus(f"container {record.name} is just being created")
    upper = Path(files.writable, "upper")
    if not upper.is_dir():
        raise ContainerError(
            f"nobody knows what container {record.name} changed: its layers were not stacked by "
            "overlay, but copied",
            hint="ocinb doctor says why",
        )
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
                mount_points=tuple(str(m["destination"]) for m in config.get("mounts") or ()),
            )
    finally:
        if running:
            operations.resume(record.name)


def _pause(operations: Operations, name: str) -> None:
    try:
        operations.pause(name)
    except ContainerError as error:
        error.hint = f"it is changing while it runs: ocinb kill {name} first"
        raise

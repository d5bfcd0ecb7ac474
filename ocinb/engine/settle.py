"""Wishes that name other containers, made into ones that a bundle can express."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ocinb.engine.rejoin import NAMESPACE_FILES
from ocinb.errors import InvalidStatus
from ocinb.events import Warned, ignore
from ocinb.spec.runtime_state import CREATED, PAUSED, RUNNING

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.engine.containers import Containers
    from ocinb.events import Record

_CONTAINER = "container:"


def settle(
    options: ContainerOptions, containers: Containers, record: Record = ignore
) -> ContainerOptions:
    """The wishes with paths in the place of ``container:NAME``.

    Args:
        record: told ``Warned`` for what cannot be shared.

    Raises:
        ContainerNotFound. InvalidStatus: that container has no processes.

    Spec: runtime-spec config-linux.md#namespaces (path)
    """
    if options.network.startswith(_CONTAINER):
        options = _with_network_of(options, containers)
    if not any(how.startswith(_CONTAINER) for how in options.namespaces.values()):
        return options
    if options.namespaces.get("ipc", "").startswith(_CONTAINER):
        record(
            Warned(
                message="/dev/shm is not shared with the other container: it is a mount of its "
                "own; System V shared memory, semaphores and message queues are"
            )
        )
    namespaces = {
        kind: _path(kind, how.removeprefix(_CONTAINER), containers)
        if how.startswith(_CONTAINER)
        else how
        for kind, how in options.namespaces.items()
    }
    joined = {
        kind: containers.find(how.removeprefix(_CONTAINER))[1].id
        for kind, how in options.namespaces.items()
        if how.startswith(_CONTAINER)
    }
    return dataclasses.replace(options, namespaces=namespaces, joined=joined)


def _with_network_of(options: ContainerOptions, containers: Containers) -> ContainerOptions:
    """``--network container:NAME``: a namespace to join, and whose it is."""
    _, record = containers.find(options.network.removeprefix(_CONTAINER))
    namespaces = {**options.namespaces, "network": f"{_CONTAINER}{record.id}"}
    return dataclasses.replace(options, network=f"{_CONTAINER}{record.id}", namespaces=namespaces)


def _path(kind: str, name: str, containers: Containers) -> str:
    _, record = containers.find(name)
    if record.status not in (CREATED, RUNNING, PAUSED):
        raise InvalidStatus(
            f"the {kind} namespace of container {record.name} cannot be shared: it is "
            f"{record.status}",
            hint=f"ocinb start {record.name}",
        )
    return f"/proc/{record.pid}/ns/{NAMESPACE_FILES.get(kind, kind)}"

"""Wishes that name other containers, made into ones that a bundle can express."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ocinb.errors import InvalidStatus
from ocinb.spec.runtime_state import CREATED, PAUSED, RUNNING

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.engine.containers import Containers

_CONTAINER = "container:"
_FILES = {"network": "net", "mount": "mnt"}
"""Type in config.json → name below /proc/PID/ns, where they differ."""


def settle(options: ContainerOptions, containers: Containers) -> ContainerOptions:
    """The wishes with paths in the place of ``container:NAME``.

    Raises:
        ContainerNotFound. InvalidStatus: that container has no processes.

    Spec: runtime-spec config-linux.md#namespaces (path)
    """
    if options.network.startswith(_CONTAINER):
        options = _with_network_of(options, containers)
    if not any(how.startswith(_CONTAINER) for how in options.namespaces.values()):
        return options
    namespaces = {
        kind: _path(kind, how.removeprefix(_CONTAINER), containers)
        if how.startswith(_CONTAINER)
        else how
        for kind, how in options.namespaces.items()
    }
    return dataclasses.replace(options, namespaces=namespaces)


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
    return f"/proc/{record.pid}/ns/{_FILES.get(kind, kind)}"

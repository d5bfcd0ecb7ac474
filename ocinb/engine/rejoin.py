"""The namespaces of other containers that one shares, once more when it is made again."""

from __future__ import annotations

import os

from ocinb.engine.container_files import ContainerFiles, read_json, write_json
from ocinb.errors import InvalidStatus

NAMESPACE_FILES = {"network": "net", "mount": "mnt"}
"""Type in config.json → name below /proc/PID/ns, where they differ."""


def rejoin(files: ContainerFiles) -> None:
    """Have config.json name the namespaces that are shared now: their processes are others.

    The number of the process that was there before may be anybody's by now, this machine's
    own among them.

    Args:
        files: of a container that has ended, and is to be made again.

    Raises:
        InvalidStatus: a container whose namespace it shares does not run. StorageError.

    Spec: runtime-spec config-linux.md#namespaces (path)
    """
    joined = read_json(files.joined)
    if not joined:
        return
    path = f"{files.bundle}/config.json"
    config = read_json(path)
    for entry in config["linux"]["namespaces"]:
        kind = entry["type"]
        if kind in joined:
            other = ContainerFiles(f"{os.path.dirname(files.directory)}/{joined[kind]}")
            init = other.read_process(other.init)
            if init is None or not init.alive:
                name = read_json(other.record).get("name", joined[kind])
                raise InvalidStatus(
                    f"the {kind} namespace of container {name} cannot be shared: it does not run",
                    hint=f"ocinb start {name}",
                )
            entry["path"] = f"/proc/{init.pid}/ns/{NAMESPACE_FILES.get(kind, kind)}"
    write_json(path, config)

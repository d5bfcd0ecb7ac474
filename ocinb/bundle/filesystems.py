"""config.json's ``mounts``: those that every program expects, and those that a person wishes."""

from __future__ import annotations

import os
import posixpath
from typing import Any

from ocinb.bundle.devices import bound
from ocinb.bundle.options import HOST, HOST_NETWORK, PRIVATE, ContainerOptions
from ocinb.spec import runtime_defaults as defaults

_SHM, _MQUEUE, _PROC = "/dev/shm", "/dev/mqueue", "/proc"


def mounts(options: ContainerOptions) -> list[dict[str, Any]]:
    """All mounts, in their order; a wish takes the place of what is mounted there by default.

    Spec: runtime-spec config.md#mounts
    """
    standard = defaults.mounts(
        rootless=options.rootless, host_network=options.network == HOST_NETWORK
    )
    for mount in standard:
        if mount["destination"] == _SHM and options.shm_size is not None:
            mount["options"] = [
                *(word for word in mount["options"] if not word.startswith("size=")),
                f"size={options.shm_size}",
            ]
        if options.privileged and mount["type"] in ("sysfs", "cgroup"):
            mount["options"] = [word for word in mount["options"] if word != "ro"]
    shared = [_shared(mount, options) for mount in standard]
    # Not every machine has message queues mounted.
    standard = [m for m in shared if m["type"] != "bind" or os.path.exists(m["source"])]
    taken = {clean_path(str(mount.get("destination", "/"))) for mount in options.mounts}
    taken |= {clean_path(volume.destination) for volume in options.volumes}
    kept = [mount for mount in standard if mount["destination"] not in taken]
    devices = bound(options.devices) if options.rootless else []
    return kept + devices + [dict(mount) for mount in options.mounts]


def clean_path(path: str) -> str:
    """An absolute, clean path; a relative one counts from the root, as docker has it."""
    return posixpath.normpath(posixpath.join("/", path)).replace("//", "/")


def _shared(mount: dict[str, Any], options: ContainerOptions) -> dict[str, Any]:
    """What belongs to a namespace that is shared is that of the others, too."""
    place = mount["destination"]
    ipc, pid = (options.namespaces.get(kind, PRIVATE) for kind in ("ipc", "pid"))
    if ipc == HOST and place in (_SHM, _MQUEUE):
        return _bind(place, place, ["nosuid", "noexec", "nodev"])
    if pid == HOST and place == _PROC and options.rootless:
        # A fresh one belongs to a pid namespace, and this one is not the user's.
        return _bind(place, place, ["nosuid", "noexec", "nodev"])
    return mount


def _bind(destination: str, source: str, flags: list[str]) -> dict[str, Any]:
    return {
        "destination": destination,
        "type": "bind",
        "source": source,
        "options": ["rbind", "rslave", *flags],
    }

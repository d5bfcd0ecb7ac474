"""Devices of this machine as entries of config.json.

Spec: runtime-spec config-linux.md#devices
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ocinb.errors import BundleError

_OWN = {"pts", "shm", "mqueue", "fd", "console", "ptmx", "core", "stdin", "stdout", "stderr"}
"""Names in /dev that every container has of its own."""
SOURCE = "source"
"""Not a field of config.json."""
_KINDS = {stat.S_IFCHR: "c", stat.S_IFBLK: "b"}


def devices_at(host: str, inside: str) -> list[dict[str, Any]]:
    """A device, or all that are below a directory, as entries of ``linux.devices``.

    Each has the path of this machine besides, under ``SOURCE``; see ``made`` and ``bound``.

    Args:
        host: absolute path on this machine; symbolic links are followed.
        inside: the path that it shall have in the container.

    Raises:
        BundleError: there is none.
    """
    try:
        if os.path.isdir(host):
            found = list(_below(host, inside))
        else:
            found = [_entry(os.stat(host), host, inside)]
    except OSError as error:
        raise BundleError(f"{host}: {os.strerror(error.errno or 0).lower()}") from None
    if not found:
        raise BundleError(f"{host} has no devices in it")
    return found


def every_device() -> list[dict[str, Any]]:
    """All of this machine's, for a privileged container."""
    return list(_below("/dev", "/dev"))


def allowed(entry: dict[str, Any], access: str) -> dict[str, Any]:
    """The rule that allows a device.

    Spec: runtime-spec config-linux.md#allowed-device-list
    """
    numbers = {"type": entry["type"], "major": entry["major"], "minor": entry["minor"]}
    return {"allow": True, **numbers, "access": access}


def made(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entries as config.json's ``linux.devices`` has them: nodes that a runtime makes."""
    return [{name: entry[name] for name in entry if name != SOURCE} for entry in entries]


def bound(entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entries as mounts: an ordinary user may not make nodes, but show those that are there.

    Spec: runtime-spec config.md#mounts
    """
    options = ["bind", "rprivate", "nosuid", "noexec"]
    return [
        {"destination": entry["path"], "type": "bind", "source": entry[SOURCE], "options": options}
        for entry in entries
    ]


def _below(host: str, inside: str) -> Iterator[dict[str, Any]]:
    with os.scandir(host) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if host == "/dev" and entry.name in _OWN:
                continue
            path = f"{inside}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, path)
                continue
            found = entry.stat(follow_symlinks=False)
            if stat.S_IFMT(found.st_mode) in _KINDS:
                yield _entry(found, entry.path, path)


def _entry(found: os.stat_result, host: str, inside: str) -> dict[str, Any]:
    kind = _KINDS.get(stat.S_IFMT(found.st_mode))
    if kind is None:
        raise BundleError("it is not a device")
    return {
        "path": inside,
        "type": kind,
        "major": os.major(found.st_rdev),
        "minor": os.minor(found.st_rdev),
        "fileMode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        SOURCE: host,
    }

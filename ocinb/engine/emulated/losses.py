"""What of a config.json is not kept where nothing is isolated, in words for people.

Pure: the document and the kind decide. The engine tells a person who asked for one of these.
"""

from __future__ import annotations

import re

from ocinb.bundle.seccomp import profile
from ocinb.engine.emulated.launch_plan import FAKECHROOT, PROOT
from ocinb.spec.runtime_defaults import CAPABILITIES, MASKED_PATHS, asked_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NO_NAME = "0" * 12
_OWN_FILES = ("/etc/hosts", "/etc/resolv.conf", "/etc/hostname")
_OWN_PLACE = "/dev/"
"""What is bound there is a device, or the program of ``--init``: nobody chose its options."""
_SHM_SIZE = "size=65536k"
_ID = re.compile(r"[0-9a-f]{12}")
"""A container's id, which is its host name where nobody asked for another."""

ALWAYS = {
    PROOT: (
        "this machine's processes, network and devices are seen",
        "no system call is filtered, no path masked, no capability taken away",
        "user ids are made up",
        "programs run more slowly",
    ),
    FAKECHROOT: (
        "not isolated: a program can reach whatever you can",
        "this machine's processes, network and devices are seen",
        "no system call is filtered, no path masked, no capability taken away",
        "user ids are your own",
        "static programs, and those for another C library than GNU's, are refused",
        "what a container changes cannot be told from its image",
    ),
}
"""Kind → what no container of it has."""


def losses(kind: str, config: dict[str, Any]) -> list[str]:
    """What a config.json asks for, beyond what ``ALWAYS`` says, that is not kept.

    Args:
        kind: ``proot`` or ``fakechroot``.
        config: config.json.

    Spec: runtime-spec runtime.md#create (a property that cannot be applied)
    """
    linux, process = config.get("linux") or {}, config.get("process") or {}
    found = [
        ("limits (linux.resources) need control groups", _limits(linux)),
        ("a root filesystem cannot be made read-only", (config.get("root") or {}).get("readonly")),
        (
            "kernel parameters (linux.sysctl) need namespaces",
            asked_parameters(linux.get("sysctl") or {}),
        ),
        ("no device (linux.devices) can be made", linux.get("devices")),
        ("further groups need privileges", (process.get("user") or {}).get("additionalGids")),
        ("a namespace (linux.namespaces) cannot be joined", _joined(linux)),
        ("a mount cannot be made read-only", _has(config, "bind", "ro")),
        (
            "a mount has no options of its own (noexec, nosuid, nodev)",
            _has(config, "bind", "noexec", "nosuid", "nodev"),
        ),
        ("a tmpfs is a directory here: it has no size and no options", _tmpfs(config)),
        ("system calls cannot be filtered (linux.seccomp)", _filtered(config)),
        (
            "no further path can be masked (linux.maskedPaths)",
            set(linux.get("maskedPaths") or ()).difference(MASKED_PATHS),
        ),
        ("labels and profiles need a security module", process.get("apparmorProfile")),
        ("a host name needs a namespace", not _ID.fullmatch(config.get("hostname") or _NO_NAME)),
        ("capabilities can neither be given nor taken", _capabilities(process)),
    ]
    if kind == FAKECHROOT:
        user = process.get("user") or {}
        found.append(("another user needs privileges", user.get("uid") or user.get("gid")))
    return [words for words, asked in found if asked]


def _capabilities(process: dict[str, Any]) -> bool:
    """Whether somebody asked for other ones than a container has by default."""
    bounding = (process.get("capabilities") or {}).get("bounding")
    return bounding is not None and set(bounding) != set(CAPABILITIES)


def _limits(linux: dict[str, Any]) -> bool:
    """Whether there are any but the default rules about devices."""
    return any(value for name, value in (linux.get("resources") or {}).items() if name != "devices")


def _joined(linux: dict[str, Any]) -> bool:
    return any(namespace.get("path") for namespace in linux.get("namespaces") or ())


def _has(config: dict[str, Any], kind: str, *options: str) -> bool:
    """Whether a mount of that kind, other than our own files, has one of these options."""
    return any(
        not {*options}.isdisjoint(mount.get("options") or ())
        for mount in config.get("mounts") or ()
        if kind in (mount.get("type") or kind)
        and mount["destination"] not in _OWN_FILES
        and not mount["destination"].startswith(_OWN_PLACE)
    )


def _tmpfs(config: dict[str, Any]) -> bool:
    """Whether somebody asked for one, or for another size of /dev/shm."""
    for mount in config.get("mounts") or ():
        if mount.get("type") != "tmpfs" or mount["destination"] == "/dev":
            continue
        if mount["destination"] != "/dev/shm" or _SHM_SIZE not in (mount.get("options") or ()):
            return True
    return False


def _filtered(config: dict[str, Any]) -> bool:
    """Whether somebody asked for another filter than a container has by default."""
    wished = (config.get("linux") or {}).get("seccomp")
    if not wished:
        return False
    capabilities = (config.get("process") or {}).get("capabilities") or {}
    return bool(wished != profile(capabilities.get("bounding", CAPABILITIES)))

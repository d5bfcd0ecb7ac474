"""Options of ``run`` about what keeps a container apart: ``linux`` and ``process.capabilities``."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from ocinb.commands.field_option import FieldOption
from ocinb.commands.quantities import pairs
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SHARE = "host|container:NAME"

OPTIONS = (
    FieldOption(
        "-h", "--hostname", metavar="NAME",
        help="Host name inside; the container's id if not given.",
        sets="hostname",
    ),
    FieldOption(
        "--cap-add", multiple=True, metavar="CAP", help="Add a capability, or ALL.",
        sets="process.capabilities",
    ),
    FieldOption(
        "--cap-drop", multiple=True, metavar="CAP", help="Drop a capability, or ALL.",
        sets="process.capabilities",
    ),
    FieldOption(
        "--privileged", is_flag=True, help="Everything that this user may do, devices too.",
        sets="process.capabilities linux.devices linux.resources.devices linux.seccomp "
             "linux.maskedPaths linux.readonlyPaths mounts",
    ),
    FieldOption(
        "--security-opt", multiple=True, metavar="OPTION",
        help="no-new-privileges, seccomp=unconfined, seccomp=FILE, mask=PATH[:PATH], "
             "unmask=ALL or PATH[:PATH].",
        sets="process.noNewPrivileges linux.seccomp linux.maskedPaths linux.readonlyPaths",
    ),
    FieldOption(
        "--sysctl", multiple=True, metavar="NAME=VALUE", help="Kernel parameter.",
        sets="linux.sysctl",
    ),
    FieldOption("--pid", metavar=_SHARE, help="Share processes.", sets="linux.namespaces"),
    FieldOption("--ipc", metavar=_SHARE, help="Share memory and queues.", sets="linux.namespaces"),
    FieldOption("--uts", metavar=_SHARE, help="Share the host name.", sets="linux.namespaces"),
    FieldOption("--userns", metavar=_SHARE, help="Share users.", sets="linux.namespaces"),
    FieldOption(
        "--cgroupns", metavar="host|private", help="Whether it sees all control groups.",
        sets="linux.namespaces",
    ),
    FieldOption(
        "--cgroup-parent", metavar="PATH", help="The control group that it is made in.",
        sets="linux.cgroupsPath",
    ),
)  # fmt: skip

_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62}[a-zA-Z0-9])?")
_SHARED = {"pid": "pid", "ipc": "ipc", "uts": "uts", "userns": "user", "cgroupns": "cgroup"}
"""Option → the namespace's type in config.json."""


def wishes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``ContainerOptions`` by what was typed.

    Raises:
        CommandError: a value is not what its option takes, or two contradict each other.
    """
    hostname = values["hostname"]
    if hostname is not None:
        if not _HOSTNAME.fullmatch(hostname):
            raise CommandError(
                f"--hostname {hostname} is not a host name",
                hint="letters, digits, '-' and '.', at most 64",
            )
        if values["uts"] not in (None, "private"):
            raise CommandError(
                f"--uts {values['uts']} has a host name already", hint="leave it out"
            )
    return {
        "hostname": hostname,
        "add_capabilities": values["cap_add"],
        "drop_capabilities": values["cap_drop"],
        "privileged": values["privileged"],
        "sysctl": pairs("--sysctl", values["sysctl"]),
        "namespaces": _namespaces(values),
        "cgroup_parent": _parent(values["cgroup_parent"]),
        **_security(values["security_opt"]),
    }


def _namespaces(values: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for option, kind in _SHARED.items():
        text = values[option]
        if text is None:
            continue
        how, _, name = text.partition(":")
        good = text in ("host", "private") or (kind != "cgroup" and how == "container" and name)
        if not good or (kind == "user" and text == "private"):
            raise CommandError(
                f"--{option} {text} is not known",
                hint="host or private" if kind == "cgroup" else "host, or container:NAME",
            )
        found[kind] = text
    return found


def _parent(path: str | None) -> str | None:
    """A control group's path has no way up, nor a name that is one of the kernel's files."""
    if path is None:
        return None
    parts = path.strip("/").split("/")
    if any(not re.fullmatch(r"[\w@:=+,-][\w.@:=+,-]*", part) for part in parts):
        raise CommandError(
            f"--cgroup-parent {path} is not a path of control groups", hint="as in /mine/inner"
        )
    return "/" + "/".join(parts)


_AS_IT_IS = (("label", "disable"), ("apparmor", "unconfined"))
"""What asks for no more than what containers have here: neither SELinux labels nor profiles."""


def _security(texts: Iterable[str]) -> dict[str, Any]:
    """Spec: none (Docker convention; mask and unmask are podman's)"""
    chosen: dict[str, Any] = {}
    for text in texts:
        # Docker takes a colon, too; podman's mask= and unmask= have colons behind the sign.
        found = re.fullmatch(r"([a-z-]+)(?:[=:](.*))?", text, re.DOTALL)
        name, value = (found[1], found[2] or "") if found else (text, "")
        if name == "no-new-privileges" and value in ("", "true", "false"):
            chosen["no_new_privileges"] = value != "false"
        elif name == "seccomp" and value:
            chosen["seccomp"] = _filters(text, value)
        elif name in ("mask", "unmask") and value:
            paths = value.split(":")
            if name == "unmask" and value.upper() == "ALL":
                paths = ["ALL"]
            elif not all(path.startswith("/") for path in paths):
                raise CommandError(f"--security-opt {text}: paths are absolute")
            chosen.setdefault(f"{name}ed_paths", []).extend(paths)
        elif (name, value) in _AS_IT_IS:
            continue
        else:
            raise CommandError(
                f"--security-opt {text} is not known",
                hint="no-new-privileges, seccomp=unconfined or FILE, mask=PATH, unmask=PATH",
            )
    return chosen


def _filters(text: str, value: str) -> str | dict[str, Any]:
    from ocinb.bundle.options import DEFAULT_SECCOMP, UNCONFINED

    if value in (DEFAULT_SECCOMP, UNCONFINED):
        return value
    try:
        with open(value, encoding="utf-8") as file:
            filters = json.load(file)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise CommandError(f"--security-opt {text}: {value} cannot be read: {reason}") from None
    except (ValueError, RecursionError):
        filters = None
    if not isinstance(filters, dict):
        raise CommandError(
            f"--security-opt {text}: {value} is not a JSON object",
            hint="the file holds what config.json has as linux.seccomp",
        )
    return filters

"""config.json: what is wrong with one.

The types are in ``runtime_fields.py``; here are the rules that hold between fields, and the
doors: ``findings`` lists all that is wrong, ``check`` raises for it.

Spec: runtime-spec config.md#configuration
"""

from __future__ import annotations

from ocinb.errors import InvalidConfig
from ocinb.spec.runtime_fields import CONFIG, DEEPEST, PROCESS, RESOURCES, shown
from ocinb.spec.versions import RUNTIME_SPEC, RUNTIME_SPEC_OLDEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ocinb.spec.runtime_fields import Finding


def findings(config: object) -> list[tuple[str, str]]:
    """All that is wrong, as ``(path, message)``: ``("process.cwd", "is missing")``.

    A path reads like ``linux.namespaces[1].type``; the document itself is ``config.json``.
    """
    if _too_deep(config, DEEPEST):
        return [("config.json", f"is nested deeper than {DEEPEST} levels")]
    found = list(CONFIG(config, ""))
    if found or not isinstance(config, dict):
        # Rules between fields may only look at fields of the right type.
        return found
    return [finding for rule in _RULES for finding in rule(config)]


def check(config: object) -> None:
    """Raise for a config.json that breaks the specification.

    Raises:
        InvalidConfig: with all findings; the message is the first.
    """
    _raise(findings(config))


def check_process(process: object) -> None:
    """Raise for a process document (``exec --process FILE``) that breaks the specification.

    Raises:
        InvalidConfig: with all findings; the message is the first.
    """
    _raise(list(PROCESS(process, "process")) or list(_process(process)))


def check_resources(resources: object) -> None:
    """Raise for limits (``update --resources FILE``) that break the specification.

    Raises:
        InvalidConfig: with all findings; the message is the first.
    """
    _raise(list(RESOURCES(resources, "resources")), "the new limits")


def namespaces(config: dict[str, Any]) -> dict[str, str]:
    """The container's namespaces: type → path, empty where it is a new one.

    Spec: runtime-spec config-linux.md#namespaces
    """
    listed = (config.get("linux") or {}).get("namespaces") or []
    return {entry["type"]: entry.get("path") or "" for entry in listed}


def _raise(found: list[Finding], where: str = "config.json") -> None:
    if not found:
        return
    path, message = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    name = "config.json" if path == "config.json" else f"{path} in {where}"
    raise InvalidConfig(f"{name} {message}{more}", findings=found)


def _too_deep(value: object, levels: int) -> bool:
    found = [value] if isinstance(value, dict | list) else []
    while found and levels >= 0:
        levels -= 1
        members = [v for each in found for v in (each.values() if type(each) is dict else each)]
        found = [member for member in members if isinstance(member, dict | list)]
    return bool(found)


def _version(config: dict[str, Any]) -> Iterator[Finding]:
    """Spec: runtime-spec config.md#specification-version"""
    version = config["ociVersion"]
    core = version.partition("+")[0].partition("-")[0].split(".")
    if len(core) != 3 or not all(part.isascii() and part.isdigit() for part in core):
        yield "ociVersion", f"must be a semantic version like {RUNTIME_SPEC}, not {shown(version)}"
        return
    numbers = tuple(int(part) for part in core)
    if numbers < RUNTIME_SPEC_OLDEST:
        oldest = ".".join(map(str, RUNTIME_SPEC_OLDEST))
        yield "ociVersion", f"is {version}; the oldest that is understood is {oldest}"
    elif numbers[0] > RUNTIME_SPEC_OLDEST[0]:
        yield "ociVersion", f"is {version}; the newest that is understood is {RUNTIME_SPEC}"


def _namespaces(config: dict[str, Any]) -> Iterator[Finding]:
    """Spec: runtime-spec config-linux.md#namespaces"""
    seen: set[str] = set()
    listed = (config.get("linux") or {}).get("namespaces") or []
    for number, entry in enumerate(listed):
        path = entry.get("path") or ""
        if entry["type"] in seen:
            yield f"linux.namespaces[{number}]", f"is a second {entry['type']} namespace"
        if path and not path.startswith("/"):
            yield (
                f"linux.namespaces[{number}].path",
                f"must be an absolute path, not {shown(path)}",
            )
        seen.add(entry["type"])


def _needs_namespace(config: dict[str, Any]) -> Iterator[Finding]:
    """Fields that would change the host if the container had no namespace of its own."""
    have = namespaces(config)
    linux = config.get("linux") or {}
    for name in ("hostname", "domainname"):
        if config.get(name) and "uts" not in have:
            yield name, "needs a uts namespace in linux.namespaces"
    if linux.get("timeOffsets") and have.get("time") != "":
        yield "linux.timeOffsets", "needs a new time namespace in linux.namespaces"
    for key in linux.get("sysctl") or {}:
        yield from _sysctl(key, have, config)


_IPC_SYSCTLS = (
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
    "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
)  # fmt: skip


def _sysctl(key: str, have: dict[str, str], config: dict[str, Any]) -> Iterator[Finding]:
    """Only parameters that a namespace keeps for itself may be set.

    Spec: runtime-spec config-linux.md#sysctl
    """
    path = f"linux.sysctl.{key}"
    name = key.replace("/", ".")
    if not all(name.split(".")):
        yield path, "is not the name of a kernel parameter"
    elif name in _IPC_SYSCTLS or name.startswith("fs.mqueue."):
        if "ipc" not in have:
            yield path, "needs an ipc namespace in linux.namespaces"
    elif name.startswith("net."):
        if "network" not in have:
            yield path, "needs a network namespace in linux.namespaces"
    elif name in ("kernel.domainname", "kernel.hostname"):
        if "uts" not in have:
            yield path, "needs a uts namespace in linux.namespaces"
        elif name == "kernel.hostname":
            yield path, "is what hostname of config.json is for"
        elif config.get("domainname"):
            yield path, "says the same as domainname of config.json"
    else:
        yield path, "is not kept apart by a namespace: it would change the host"


def _id_mappings(config: dict[str, Any]) -> Iterator[Finding]:
    """Spec: runtime-spec config-linux.md#user-namespace-mappings"""
    linux = config.get("linux") or {}
    have = namespaces(config)
    for name in ("uidMappings", "gidMappings"):
        mappings = linux.get(name) or []
        if mappings and "user" not in have:
            yield f"linux.{name}", "needs a user namespace in linux.namespaces"
        if not mappings and have.get("user") == "":
            yield f"linux.{name}", "is missing: a new user namespace has no ids without it"
        for number, mapping in enumerate(mappings):
            for start in ("containerID", "hostID"):
                if mapping[start] + mapping["size"] > 2**32:
                    yield f"linux.{name}[{number}]", f"reaches beyond the last id from {start} on"
    for number, mount in enumerate(config.get("mounts") or []):
        if bool(mount.get("uidMappings")) != bool(mount.get("gidMappings")):
            yield f"mounts[{number}]", "must have uidMappings and gidMappings together, or neither"


def _process(process: object) -> Iterator[Finding]:
    """Spec: runtime-spec config.md#posix-process"""
    if not isinstance(process, dict):
        return
    seen: set[str] = set()
    for number, limit in enumerate(process.get("rlimits") or []):
        path = f"process.rlimits[{number}]"
        if limit["type"] in seen:
            yield path, f"is a second {limit['type']}"
        if limit["soft"] > limit["hard"]:
            yield path, f"has a soft limit {limit['soft']} above its hard limit {limit['hard']}"
        seen.add(limit["type"])
    for number, entry in enumerate(process.get("env") or []):
        if not entry.partition("=")[0] or "=" not in entry:
            yield f"process.env[{number}]", f"must look like NAME=value, not {shown(entry)}"
    if process["args"] and not process["args"][0]:
        yield "process.args[0]", "must not be empty"


def _config_process(config: dict[str, Any]) -> Iterator[Finding]:
    return _process(config.get("process"))


def _devices(config: dict[str, Any]) -> Iterator[Finding]:
    """Spec: runtime-spec config-linux.md#devices"""
    for number, device in enumerate((config.get("linux") or {}).get("devices") or []):
        for name in ("major", "minor"):
            if device["type"] != "p" and device.get(name) is None:
                yield f"linux.devices[{number}].{name}", "is missing"


_WITH_ERRNO = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")


def _seccomp(config: dict[str, Any]) -> Iterator[Finding]:
    """Spec: runtime-spec config-linux.md#seccomp"""
    seccomp = (config.get("linux") or {}).get("seccomp")
    if not seccomp:
        return
    path = "linux.seccomp"
    if seccomp.get("defaultErrnoRet") is not None and seccomp["defaultAction"] not in _WITH_ERRNO:
        action = seccomp["defaultAction"]
        yield f"{path}.defaultErrnoRet", f"is given, and {action} returns no errno"
    actions = [seccomp["defaultAction"]]
    for number, entry in enumerate(seccomp.get("syscalls") or []):
        action = entry["action"]
        actions.append(action)
        if entry.get("errnoRet") is not None and action not in _WITH_ERRNO:
            yield f"{path}.syscalls[{number}].errnoRet", f"is given, and {action} returns no errno"
    if seccomp.get("listenerMetadata") and not seccomp.get("listenerPath"):
        yield f"{path}.listenerMetadata", f"needs {path}.listenerPath"
    if "SCMP_ACT_NOTIFY" in actions and not seccomp.get("listenerPath"):
        yield f"{path}.listenerPath", "is missing: SCMP_ACT_NOTIFY needs somebody to notify"


def _destinations(config: dict[str, Any]) -> Iterator[Finding]:
    """Spec: runtime-spec config.md#mounts (destination)"""
    for number, mount in enumerate(config.get("mounts") or []):
        if all(part in ("", ".", "..") for part in mount["destination"].split("/")):
            yield f"mounts[{number}].destination", "is the root itself, which would be hidden"


def _hostname_length(config: dict[str, Any]) -> Iterator[Finding]:
    for name in ("hostname", "domainname"):
        if len((config.get(name) or "").encode()) > 64:
            yield name, "must be at most 64 bytes"


def _net_devices(config: dict[str, Any]) -> Iterator[Finding]:
    """Spec: runtime-spec config-linux.md#network-devices"""
    devices = (config.get("linux") or {}).get("netDevices") or {}
    if devices and "network" not in namespaces(config):
        yield "linux.netDevices", "needs a network namespace in linux.namespaces"
    taken: set[str] = set()
    for name, wish in devices.items():
        path = f"linux.netDevices.{name}"
        new = wish.get("name") or name
        if not _device_name(name) or "%" in name:
            yield path, "is not the name of a network device"
        if not _device_name(new):
            yield f"{path}.name", f"is not the name of a network device: {shown(new)}"
        elif new in taken and "%d" not in new:
            yield f"{path}.name", f"is the second device called {shown(new)}"
        taken.add(new)


def _device_name(name: str) -> bool:
    """What the kernel takes, with at most one ``%d`` for it to fill in."""
    plain = name.replace("%d", "", 1)
    odd = any(letter in "/:%" or letter.isspace() for letter in plain)
    return 0 < len(name.encode("utf-8", "replace")) <= 15 and name not in (".", "..") and not odd


_RULES = (
    _version,
    _namespaces,
    _needs_namespace,
    _id_mappings,
    _config_process,
    _devices,
    _seccomp,
    _destinations,
    _hostname_length,
    _net_devices,
)

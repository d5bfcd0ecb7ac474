"""From an image config to config.json.

Spec: image-spec conversion.md
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ocinb.bundle import seccomp
from ocinb.bundle.options import HOST_NETWORK, UNCONFINED, ContainerOptions
from ocinb.bundle.user import User, resolve
from ocinb.errors import BundleError
from ocinb.linux.capabilities import NAMES as ALL_CAPABILITIES
from ocinb.spec import annotations as keys
from ocinb.spec import runtime_defaults as defaults
from ocinb.spec.image_config import Execution, ImageConfig

_PREFIX = "org.opencontainers.image."


def runtime_config(
    image: ImageConfig, options: ContainerOptions, rootfs: Path, *, root_path: str = "rootfs"
) -> dict[str, Any]:
    """The config.json of a container.

    Args:
        image: how the image wants to be run.
        options: how the person wants it to be run, which has the last word.
        rootfs: the container's root filesystem, for names of users and groups.
        root_path: what ``root.path`` shall say; relative to the bundle.

    Raises:
        UnknownUser: the user or group is not in the root filesystem.
        BundleError: there is no command to run, or a capability of that name does not exist.

    Spec: image-spec conversion.md#verbatim-fields
    """
    execution = image.execution
    user = resolve(options.user if options.user is not None else execution.user or "", rootfs)
    host_network = options.network == HOST_NETWORK
    hostname = options.hostname or ""
    config: dict[str, Any] = {
        "ociVersion": defaults.CONFIG_VERSION,
        "process": _process(execution, options, user),
        "root": {"path": root_path, "readonly": options.read_only},
    }
    if hostname:
        config["hostname"] = hostname
    config["mounts"] = _mounts(
        defaults.mounts(rootless=options.rootless, host_network=host_network), options.mounts
    )
    if options.hooks:
        config["hooks"] = {stage: [*map(dict, listed)] for stage, listed in options.hooks.items()}
    config["annotations"] = image_annotations(image) | dict(options.annotations)
    config["linux"] = _linux(options, host_network)
    return config


def command(execution: Execution, options: ContainerOptions) -> list[str]:
    """The program and its arguments: the entrypoint, then the command.

    Raises:
        BundleError: neither the image nor the person names a program.

    Spec: image-spec conversion.md#verbatim-fields (note 2)
    """
    if options.entrypoint is not None:
        args = [*options.entrypoint, *(options.args or ())]
    elif options.args is not None:
        args = [*(execution.entrypoint or ()), *options.args]
    else:
        args = [*(execution.entrypoint or ()), *(execution.cmd or ())]
    if not args:
        raise BundleError(
            "the image names no program to run: it has neither Entrypoint nor Cmd",
            hint="give a command behind the image's name",
            citation="image-spec config.md#properties",
        )
    return args


def environment(base: Iterable[str], over: Iterable[str], extra: Iterable[str]) -> list[str]:
    """Three lists of ``NAME=value`` as one.

    Args:
        base: the image's; kept as it is, in its order.
        over: the person's; a variable that is there already is changed in its place.
        extra: our additions; one of a variable that is there already is left out.

    Spec: image-spec conversion.md#verbatim-fields (note 1)
    """
    merged = list(base)
    places = {entry.partition("=")[0]: number for number, entry in enumerate(merged)}
    for entry in over:
        name = entry.partition("=")[0]
        if name in places:
            merged[places[name]] = entry
        else:
            places[name] = len(merged)
            merged.append(entry)
    return merged + [entry for entry in extra if entry.partition("=")[0] not in places]


def image_annotations(image: ImageConfig) -> dict[str, str]:
    """What the image says about itself; a label of the same key has precedence.

    Spec: image-spec conversion.md#annotation-fields
    """
    execution = image.execution
    implied = {
        f"{_PREFIX}os": image.os,
        f"{_PREFIX}architecture": image.architecture,
        f"{_PREFIX}variant": image.variant,
        f"{_PREFIX}os.version": image.os_version,
        f"{_PREFIX}os.features": ",".join(image.os_features or ()),
        f"{_PREFIX}author": image.author,
        keys.CREATED: image.created,
        f"{_PREFIX}stopSignal": execution.stop_signal,
        f"{_PREFIX}exposedPorts": ",".join(execution.exposed_ports or ()),
    }
    present = {key: value for key, value in implied.items() if value}
    return present | dict(execution.labels or {})


def capabilities(add: Iterable[str], drop: Iterable[str]) -> list[str]:
    """The default set without those dropped and with those added, in the kernel's order.

    Raises:
        BundleError: no capability has that name.
    """
    dropped, added = set(map(_capability, drop)), set(map(_capability, add))
    kept = set() if "ALL" in dropped else set(defaults.CAPABILITIES) - dropped
    kept |= set(ALL_CAPABILITIES) - dropped if "ALL" in added else added
    return [name for name in ALL_CAPABILITIES if name in kept]


def _capability(word: str) -> str:
    name = word.upper()
    if name == "ALL":
        return name
    name = name if name.startswith("CAP_") else f"CAP_{name}"
    if name not in ALL_CAPABILITIES:
        raise BundleError(
            f"{word!r} is not a capability", hint="names are those of capabilities(7), or ALL"
        )
    return name


def _process(execution: Execution, options: ContainerOptions, user: User) -> dict[str, Any]:
    extra = [defaults.PATH, f"HOME={user.home}", *([defaults.TERM] if options.terminal else [])]
    process: dict[str, Any] = {
        "terminal": options.terminal,
        "user": {"uid": user.uid, "gid": user.gid},
        "args": command(execution, options),
        "env": environment(execution.env or (), options.env, extra),
        "cwd": working_directory(options.cwd or execution.working_dir or "/"),
        "capabilities": _sets(
            capabilities(options.add_capabilities, options.drop_capabilities), user
        ),
        "noNewPrivileges": options.no_new_privileges,
    }
    if user.additional_gids and not options.rootless:
        process["user"]["additionalGids"] = list(user.additional_gids)
    if options.umask is not None:
        process["user"]["umask"] = options.umask
    if options.oom_score_adj is not None:
        process["oomScoreAdj"] = options.oom_score_adj
    if options.rlimits:
        process["rlimits"] = [
            {"type": kind, "soft": soft, "hard": hard} for kind, soft, hard in options.rlimits
        ]
    return process


def working_directory(path: str) -> str:
    """An absolute, clean path; a relative one counts from the root, as docker has it."""
    return posixpath.normpath(posixpath.join("/", path)).replace("//", "/")


def _sets(names: list[str], user: User) -> dict[str, list[str]]:
    """The capability sets. None is inheritable: a file could hand them on (CVE-2022-29162).

    A program that does not run as the superuser starts without capabilities; the bounding set is
    what a setuid program could get.
    """
    held = names if user.uid == 0 else []
    return {"bounding": names, "effective": held, "permitted": held}


def _mounts(
    standard: list[dict[str, Any]], wanted: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    taken = {working_directory(str(mount.get("destination", "/"))) for mount in wanted}
    kept = [mount for mount in standard if mount["destination"] not in taken]
    return kept + [dict(mount) for mount in wanted]


def _linux(options: ContainerOptions, host_network: bool) -> dict[str, Any]:
    linux: dict[str, Any] = {
        "namespaces": defaults.namespaces(host_network=host_network, user=options.user_namespace)
    }
    if options.user_namespace:
        linux["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        linux["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    if not options.rootless:
        linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    if options.cgroups_path:
        linux["cgroupsPath"] = options.cgroups_path
    if options.sysctl:
        linux["sysctl"] = dict(options.sysctl)
    filters = _seccomp(options)
    if filters:
        linux["seccomp"] = filters
    linux["maskedPaths"] = list(defaults.MASKED_PATHS)
    linux["readonlyPaths"] = list(defaults.READONLY_PATHS)
    return linux


def _seccomp(options: ContainerOptions) -> dict[str, Any] | None:
    """Spec: runtime-spec config-linux.md#seccomp"""
    if not isinstance(options.seccomp, str):
        return dict(options.seccomp)
    if options.seccomp == UNCONFINED or not seccomp.available():
        return None
    return seccomp.profile(capabilities(options.add_capabilities, options.drop_capabilities))

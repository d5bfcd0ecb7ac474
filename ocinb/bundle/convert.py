"""From an image config to config.json.

Spec: image-spec conversion.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ocinb.bundle.capabilities import bounding
from ocinb.bundle.filesystems import clean_path, mounts
from ocinb.bundle.init_program import put_before
from ocinb.bundle.isolation import linux
from ocinb.bundle.options import PRIVATE, STOP_TIMEOUT, ContainerOptions
from ocinb.bundle.user import User
from ocinb.errors import BundleError
from ocinb.spec import annotations as keys
from ocinb.spec import runtime_defaults as defaults
from ocinb.spec.image_config import Execution, ImageConfig

_PREFIX = "org.opencontainers.image."


def runtime_config(
    image: ImageConfig, options: ContainerOptions, user: User, *, root_path: str = "rootfs"
) -> dict[str, Any]:
    """The config.json of a container.

    Args:
        image: how the image wants to be run.
        options: how the person wants it to be run, which has the last word.
        user: whom ``wished_user`` means in the container's root filesystem.
        root_path: what ``root.path`` shall say; relative to the bundle.

    Raises:
        BundleError: there is no command to run, or a capability of that name does not exist.

    Spec: image-spec conversion.md#verbatim-fields
    """
    execution = image.execution
    hostname = options.hostname or ""
    config: dict[str, Any] = {
        "ociVersion": defaults.CONFIG_VERSION,
        "process": _process(execution, options, user),
        "root": {"path": root_path, "readonly": options.read_only},
    }
    if hostname and options.namespaces.get("uts", PRIVATE) == PRIVATE:
        config["hostname"] = hostname
    config["mounts"] = mounts(options)
    if options.hooks:
        config["hooks"] = {stage: [*map(dict, listed)] for stage, listed in options.hooks.items()}
    config["annotations"] = image_annotations(image) | _annotations(options)
    config["linux"] = linux(options)
    if options.init:
        put_before(config)
    return config


def wished_user(execution: Execution, options: ContainerOptions) -> str:
    """The user as image or person write it, for ``user.resolve``; empty is the superuser.

    Spec: image-spec conversion.md#configuser
    """
    return options.user if options.user is not None else execution.user or ""


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


def _annotations(options: ContainerOptions) -> dict[str, str]:
    """Spec: image-spec conversion.md#annotation-fields (Config.StopSignal)"""
    wished = dict(options.annotations)
    if options.stop_signal is not None:
        wished[f"{_PREFIX}stopSignal"] = options.stop_signal
    if options.stop_timeout is not None:
        wished[STOP_TIMEOUT] = str(options.stop_timeout)
    return wished


def _process(execution: Execution, options: ContainerOptions, user: User) -> dict[str, Any]:
    extra = [defaults.PATH, f"HOME={user.home}", *([defaults.TERM] if options.terminal else [])]
    process: dict[str, Any] = {
        "terminal": options.terminal,
        "user": {"uid": user.uid, "gid": user.gid},
        "args": command(execution, options),
        "env": environment(execution.env or (), options.env, extra),
        "cwd": clean_path(options.cwd or execution.working_dir or "/"),
        "capabilities": _sets(bounding(options), user),
        "noNewPrivileges": options.no_new_privileges,
    }
    groups = groups_of(user)
    if groups and not options.one_id:
        process["user"]["additionalGids"] = groups
    if options.umask is not None:
        process["user"]["umask"] = options.umask
    if options.oom_score_adj is not None:
        process["oomScoreAdj"] = options.oom_score_adj
    if options.rlimits:
        process["rlimits"] = [
            {"type": kind, "soft": soft, "hard": hard} for kind, soft, hard in options.rlimits
        ]
    return process


def groups_of(user: User) -> list[int]:
    """Supplementary groups: the primary one is among them, as docker and podman have it.

    Else a file that a group must not read could be read by a program that has given up its
    primary group (CVE-2022-2989, CVE-2022-36109).
    """
    if not (user.uid or user.gid or user.additional_gids):
        return []
    return list(dict.fromkeys([user.gid, *user.additional_gids]))


def _sets(names: list[str], user: User) -> dict[str, list[str]]:
    """The capability sets. None is inheritable: a file could hand them on (CVE-2022-29162).

    A program that does not run as the superuser starts without capabilities; the bounding set is
    what a setuid program could get.
    """
    held = names if user.uid == 0 else []
    return {"bounding": names, "effective": held, "permitted": held}

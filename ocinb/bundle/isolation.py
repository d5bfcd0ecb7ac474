"""config.json's ``linux``: what keeps a container apart from others, and within its limits.

Spec: runtime-spec config-linux.md
"""

from __future__ import annotations

import fnmatch
import os
from typing import Any

from ocinb.bundle import seccomp
from ocinb.bundle.capabilities import bounding
from ocinb.bundle.devices import every_device, made
from ocinb.bundle.options import (
    DEFAULT_SECCOMP,
    HOST,
    HOST_NETWORK,
    PRIVATE,
    UNCONFINED,
    UNMASK_ALL,
    ContainerOptions,
)
from ocinb.spec import runtime_defaults as defaults


def linux(options: ContainerOptions) -> dict[str, Any]:
    """The whole ``linux`` object."""
    section: dict[str, Any] = {"namespaces": _namespaces(options)}
    if options.user_namespace:
        section["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        section["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    devices = [] if options.rootless else made(options.devices)
    if options.privileged:
        named = {entry["path"] for entry in devices}
        devices += [entry for entry in made(every_device()) if entry["path"] not in named]
    if devices:
        section["devices"] = devices
    resources = _resources(options)
    if resources:
        section["resources"] = resources
    if options.cgroups_path:
        section["cgroupsPath"] = options.cgroups_path
    parameters = _parameters(options, section["namespaces"]) | dict(options.sysctl)
    if parameters:
        section["sysctl"] = parameters
    filters = _seccomp(options)
    if filters:
        section["seccomp"] = filters
    hidden = () if options.privileged else defaults.MASKED_PATHS
    fixed = () if options.privileged else defaults.READONLY_PATHS
    section["maskedPaths"] = [*_without(hidden, options), *options.masked_paths]
    section["readonlyPaths"] = _without(fixed, options)
    return section


def _namespaces(options: ContainerOptions) -> list[dict[str, str]]:
    """Everything of its own, except what was asked to be shared.

    Spec: runtime-spec config-linux.md#namespaces
    """
    found = {
        entry["type"]: entry
        for entry in defaults.namespaces(
            host_network=options.network == HOST_NETWORK, user=options.user_namespace
        )
    }
    for kind, how in options.namespaces.items():
        if how == HOST:
            found.pop(kind, None)
        else:
            found[kind] = {"type": kind} if how == PRIVATE else {"type": kind, "path": how}
    return list(found.values())


def _parameters(options: ContainerOptions, found: list[dict[str, str]]) -> dict[str, str]:
    """Those of a new network namespace: one that is shared is as others want it."""
    if {"type": "network"} not in found:
        return {}
    return defaults.parameters(mapped=options.rootless or options.user_namespace)


def _resources(options: ContainerOptions) -> dict[str, Any]:
    """Limits, and which devices may be opened, which takes the real superuser to say.

    Spec: runtime-spec config-linux.md#control-groups
    """
    limits = {kind: dict(fields) for kind, fields in options.resources.items()}
    if limits.get("pids", {}).get("limit", 0) < 0:
        del limits["pids"]  # a new group has no limit, and not every runtime knows -1
    if options.rootless:
        return limits
    everything = {"allow": options.privileged, "access": "rwm"}
    rules = [] if options.privileged else [dict(rule) for rule in options.device_rules]
    return {"devices": [everything, *rules], **limits}


def _seccomp(options: ContainerOptions) -> dict[str, Any] | None:
    """Spec: runtime-spec config-linux.md#seccomp"""
    wished = options.seccomp
    if not isinstance(wished, str):
        return dict(wished)
    if options.privileged and wished == DEFAULT_SECCOMP:
        wished = UNCONFINED
    if wished == UNCONFINED or not seccomp.available():
        return None
    return seccomp.profile(bounding(options))


def _without(paths: tuple[str, ...], options: ContainerOptions) -> list[str]:
    """Spec: runtime-spec config-linux.md#masked-paths, config-linux.md#readonly-paths"""
    unmasked = options.unmasked_paths
    if UNMASK_ALL in unmasked:
        return []
    return [
        path for path in paths if not any(fnmatch.fnmatchcase(path, open_) for open_ in unmasked)
    ]

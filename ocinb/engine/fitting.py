"""A config.json made to fit the rung that a container stands on, and what it loses is said."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ocinb.engine.delegation import delegation, without_controllers
from ocinb.engine.emulated.losses import losses
from ocinb.errors import UnsupportedHost
from ocinb.events import Warned
from ocinb.runtime.resources import asks_for_limits
from ocinb.spec.runtime_defaults import asked_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.bundle.options import ContainerOptions
    from ocinb.engine.rung import Rung
    from ocinb.engine.subordinate_ids import Ids
    from ocinb.events import Record


def fit(config: dict[str, Any], rung: Rung, record: Record, options: ContainerOptions) -> None:
    """Take out what the rung cannot keep, and warn of each.

    Args:
        config: config.json; changed.
        rung: where the container will stand.
        record: told ``Warned`` for each wish that is not kept.
        options: what the person asked for.

    Raises:
        UnsupportedHost: the program wants to be a user that is not there, or to share what it
            cannot.
    """
    groups = options.additional_groups
    if groups and rung.one_id:
        record(Warned(message=f"no further group ({', '.join(groups)}): there is one id only"))
    if rung.rootless:
        for loss in _of_the_superuser(config, rung, options):
            record(
                Warned(message=f"not kept {'by' if rung.emulated else 'in a'} {rung.name}: {loss}")
            )
    if rung.emulated:
        for loss in losses(rung.name, config):
            record(Warned(message=f"not kept by {rung.name}: {loss}"))
        return
    _keep_parameters(config["linux"])
    if rung.ids is not None:
        check_ids(config["process"]["user"], rung.ids)
    if rung.proc:
        _share_processes(config)
    linux = config["linux"]
    joined = [n["type"] for n in linux["namespaces"] if n.get("path")]
    if joined and rung.user_namespace and os.geteuid():
        raise UnsupportedHost(
            f"an ordinary user's containers cannot share namespaces ({', '.join(joined)}): each is "
            "in a user namespace of its own",
            hint="the superuser's can",
        )
    limits = linux.get("resources") or {}
    if not (rung.user_namespace and os.geteuid() and asks_for_limits(limits)):
        return
    found = delegation()
    if not found.works:
        linux["resources"] = {n: v for n, v in limits.items() if n == "devices"}
        record(
            Warned(
                message=f"no limit is kept (linux.resources): control groups are {found.answer}; "
                f"{found.enable}"
            )
        )
    elif found.version == 2:
        linux["resources"], missing = without_controllers(limits, found.controllers)
        if missing:
            record(
                Warned(
                    message=f"not all limits are kept (linux.resources): {', '.join(missing)} of "
                    "control groups is not given to this user; the superuser may add it, as in "
                    f"Delegate={' '.join([*found.controllers, *missing])} of its systemd unit"
                )
            )


def _of_the_superuser(
    config: dict[str, Any], rung: Rung, options: ContainerOptions
) -> Iterator[str]:
    """What was asked for and takes the machine's own superuser."""
    if options.cgroup_parent:
        yield "--cgroup-parent: only the superuser's containers have control groups with a name"
    listed = {(entry["type"], entry["major"], entry["minor"]) for entry in options.devices}
    if any(
        set(rule.get("access") or "") != set("rwm")
        or (rule.get("type"), rule.get("major"), rule.get("minor")) not in listed
        for rule in options.device_rules
    ):
        yield "rules about devices (linux.resources.devices) need the superuser's control groups"
    bounding = (config["process"].get("capabilities") or {}).get("bounding") or ()
    if rung.user_namespace and os.geteuid() and "CAP_MKNOD" in bounding:
        yield "device nodes cannot be made there, whatever the capabilities are"


def _keep_parameters(linux: dict[str, Any]) -> None:
    """Without the kernel parameters that nobody asked for where they cannot be written: within
    many a container /proc/sys is read-only.
    """
    wished: dict[str, str] = linux.get("sysctl") or {}
    for name in wished.keys() - asked_parameters(wished).keys():
        try:
            there = os.statvfs(f"/proc/sys/{name.replace('.', '/')}")
        except OSError:
            there = None
        if there is None or there.f_flag & os.ST_RDONLY:
            del wished[name]
    if not wished:
        linux.pop("sysctl", None)


def _share_processes(config: dict[str, Any]) -> None:
    """Show this machine's /proc, which tells of its own pid namespace only."""
    linux = config["linux"]
    linux["namespaces"] = [n for n in linux["namespaces"] if n["type"] != "pid" or n.get("path")]
    for mount in config["mounts"]:
        if mount.get("type") == "proc":
            mount.update(type="bind", source="/proc", options=["rbind", *mount["options"]])


def check_ids(user: dict[str, Any], ids: Ids) -> None:
    """Raise ``UnsupportedHost`` for a user that the container's user namespace does not have."""
    uid, gid = user["uid"], user["gid"]
    if _has(ids, "uids", uid) and _has(ids, "gids", gid):
        return
    there = "the id 0 only" if ids.single else f"{ids.count:,} ids only"
    raise UnsupportedHost(
        f"the program wants to be user {uid}:{gid}, but an ordinary user's containers have {there}"
        f"{f' ({ids.why})' if ids.why else ''}",
        hint="run it with --user 0",
    )


def _has(ids: Ids, kind: str, wanted: int) -> bool:
    maps = ids.uids if kind == "uids" else ids.gids
    return any(m.inside <= wanted < m.inside + m.size for m in maps)

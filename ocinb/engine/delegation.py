"""Whether control groups are there for containers, and whether this user may make them.

Spec: runtime-spec config-linux.md#control-groups
"""

from __future__ import annotations

import os

from ocinb.frozen import Frozen
from ocinb.linux.cgroup import hierarchies, offered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_OF_CPUSET = ("cpus", "mems")
_CONTROLLERS = {
    "memory": "memory",
    "pids": "pids",
    "blockIO": "io",
    "hugepageLimits": "hugetlb",
    "rdma": "rdma",
}
"""Field of ``linux.resources`` → controller of version 2; the others need none."""


class Delegation(Frozen):
    """Control groups as this user finds them.

    Attributes:
        version: 1 or 2; 0: there are none.
        works: whether groups for containers can be made.
        answer: in one line, what there is.
        enable: what would make it work; empty where it does.
        controllers: what can be limited, as in ``memory`` or ``pids``.
    """

    version: int
    works: bool
    answer: str
    enable: str
    controllers: tuple[str, ...] = ()


def delegation() -> Delegation:
    """Look where containers' groups would be made; nothing is made."""
    trees = hierarchies()
    if not trees:
        return Delegation(
            version=0,
            works=False,
            answer="none are mounted",
            enable="the superuser must mount cgroup2 on /sys/fs/cgroup",
        )
    version = trees[0].version
    refused = [tree.own for tree in trees if not _may_make(tree.base)]
    # What version 2 has at its root need not have been handed down to this user.
    controllers = {
        name
        for tree in trees
        for name in (tree.controllers if version == 1 else offered(tree.base))
    }
    if not refused:
        names = ", ".join(sorted(controllers)) or "no controllers"
        return Delegation(
            version=version,
            works=True,
            answer=f"version {version}: {names}",
            enable="",
            controllers=tuple(sorted(controllers)),
        )
    how = "Delegate=yes in its systemd unit" if version == 2 else "chown its directories"
    return Delegation(
        version=version,
        works=False,
        answer=f"version {version}, not delegated: {refused[0]} cannot be written",
        enable=f"the superuser must give this user a group ({how})",
    )


def without_controllers(
    resources: Mapping[str, Any], controllers: Iterable[str]
) -> tuple[dict[str, Any], list[str]]:
    """Limits that can be kept, and the controllers that the others would take.

    Args:
        resources: config.json's ``linux.resources``.
        controllers: those that there are.

    Spec: runtime-spec config-linux.md#control-groups
    """
    kept: dict[str, Any] = {}
    missing = []
    for name, value in resources.items():
        if name == "cpu":
            parts: dict[str, dict[str, Any]] = {"cpuset": {}, "cpu": {}}
            for field, number in value.items():
                parts["cpuset" if field in _OF_CPUSET else "cpu"][field] = number
            lost = [which for which, fields in parts.items() if fields and which not in controllers]
            fields = {f: v for which in parts if which not in lost for f, v in parts[which].items()}
            missing += lost
            kept |= {name: fields} if fields else {}
        elif _CONTROLLERS.get(name, "") in ("", *controllers):
            kept[name] = value
        elif value:
            missing.append(_CONTROLLERS[name])
    return kept, missing


def _may_make(directory: str) -> bool:
    return os.access(directory, os.W_OK | os.X_OK) and not _read_only(directory)


def _read_only(directory: str) -> bool:
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)

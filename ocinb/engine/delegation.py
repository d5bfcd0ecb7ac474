"""Whether control groups are there for containers, and whether this user may make them.

Spec: runtime-spec config-linux.md#control-groups
"""

from __future__ import annotations

import os

from ocinb.frozen import Frozen
from ocinb.linux.cgroup import hierarchies


class Delegation(Frozen):
    """Control groups as this user finds them.

    Attributes:
        version: 1 or 2; 0: there are none.
        works: whether groups for containers can be made.
        answer: in one line, what there is.
        enable: what would make it work; empty where it does.
    """

    version: int
    works: bool
    answer: str
    enable: str


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
    names = ", ".join(sorted({name for tree in trees for name in tree.controllers}))
    if not refused:
        return Delegation(
            version=version, works=True, answer=f"version {version}: {names}", enable=""
        )
    how = "Delegate=yes in its systemd unit" if version == 2 else "chown its directories"
    return Delegation(
        version=version,
        works=False,
        answer=f"version {version}, not delegated: {refused[0]} cannot be written",
        enable=f"the superuser must give this user a group ({how})",
    )


def _may_make(directory: str) -> bool:
    return os.access(directory, os.W_OK | os.X_OK) and not _read_only(directory)


def _read_only(directory: str) -> bool:
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)

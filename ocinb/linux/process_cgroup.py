"""The control groups in which a process is, as far as they are not also ours."""

from __future__ import annotations

import os

from ocinb.linux.cgroup import Cgroup, hierarchies
from ocinb.linux.mounts import mount_at, mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel


def cgroup_of(kernel: Kernel, pid: int) -> Cgroup | None:
    """The groups that another process has of its own.

    Returns:
        None where it is gone, or in no group but those of this process.
    """
    theirs, ours = _groups(str(pid)), _groups("self")
    directories: dict[str, str] = {}
    version = 0
    visible = mounts(fstypes=("cgroup", "cgroup2"))
    for tree in hierarchies():
        key = "" if tree.version == 2 else ",".join(tree.controllers)
        path, own = theirs.get(key), ours.get(key)
        if path is None or own is None or path == own:
            continue
        mount = mount_at(tree.mount_point, visible)
        root = "/" if mount is None else mount.root.rstrip("/") + "/"
        if not f"{path}/".startswith(root):
            continue  # not below what is mounted here
        directory = os.path.join(tree.mount_point, path[len(root) :])
        if os.path.isdir(directory):
            version = tree.version
            directories |= dict.fromkeys(tree.controllers or ("",), directory)
    return Cgroup(kernel, directories, (), version) if directories else None


def _groups(pid: str) -> dict[str, str]:
    """Controllers, as /proc names them, → path; empty where the process is gone."""
    found = {}
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, controllers, path = line.rstrip("\n").split(":", 2)
                found[controllers] = path
    except OSError:
        return {}
    return found

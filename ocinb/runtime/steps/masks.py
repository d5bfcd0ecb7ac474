"""Parts of the root filesystem that are hidden or read-only."""

from __future__ import annotations

import os
import stat

from ocinb.errors import StepFailed, SyscallError
from ocinb.linux import flags as f
from ocinb.runtime.environment import close_all, through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_BOTH = f.MOVE_MOUNT_F_EMPTY_PATH | f.MOVE_MOUNT_T_EMPTY_PATH
_ABSENT = (2, 20)  # ENOENT, ENOTDIR


def make_paths_readonly(env: Environment) -> None:
    """Cover each path with a read-only copy of itself; one that is not there is passed over.

    Spec: runtime-spec config-linux.md#readonly-paths
    """
    for number, path in enumerate(env.linux.get("readonlyPaths") or []):
        env.applying(f"linux.readonlyPaths[{number}] ({path})")
        point = _open(env, path)
        if point < 0:
            continue
        tree = env.kernel.open_tree(point, "", f.AT_EMPTY_PATH | f.OPEN_TREE_CLONE | f.AT_RECURSIVE)
        env.kernel.mount_setattr(tree, "", f.AT_EMPTY_PATH, set_=f.MOUNT_ATTR_RDONLY)
        env.kernel.move_mount(tree, "", point, "", _BOTH)
        close_all(tree, point)


def mask_paths(env: Environment) -> None:
    """Cover each file with /dev/null, each directory with an empty one that is read-only.

    Spec: runtime-spec config-linux.md#masked-paths
    """
    for number, path in enumerate(env.linux.get("maskedPaths") or []):
        env.applying(f"linux.maskedPaths[{number}] ({path})")
        point = _open(env, path)
        if point < 0:
            continue
        if stat.S_ISDIR(os.fstat(point).st_mode):
            env.kernel.mount("tmpfs", through(point), "tmpfs", f.MS_RDONLY)
        else:
            null = _host_null(env)
            env.kernel.move_mount(null, "", point, "", _BOTH)
            os.close(null)
        os.close(point)


def _open(env: Environment, path: str) -> int:
    try:
        return env.root.open(path)
    except SyscallError as error:
        if error.errno in _ABSENT:
            return -1
        raise


def _host_null(env: Environment) -> int:
    """The host's /dev/null, verified: a swapped one would unmask (CVE-2025-31133)."""
    null = env.kernel.open_tree(f.AT_FDCWD, "/dev/null", f.OPEN_TREE_CLONE)
    info = os.fstat(null)
    if not stat.S_ISCHR(info.st_mode) or info.st_rdev != os.makedev(1, 3):
        raise StepFailed("/dev/null of the host is not the null device")
    return null

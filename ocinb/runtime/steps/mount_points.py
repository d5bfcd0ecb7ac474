"""Where something may be mounted: the directories and files of the container that are covered."""

from __future__ import annotations

import os
import stat

from ocinb.errors import InvalidConfig, SyscallError
from ocinb.linux import flags as f
from ocinb.runtime.environment import close_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_NOT_A_DIRECTORY = 20
_PROC_ROOT = 1  # the number of the topmost directory of every /proc

_INSIDE_PROC = frozenset(
    ("cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo")
)
"""Files of /proc that a bind mount may cover; anything else there would fool security labels
(CVE-2019-16884). The list is runc's and LXCFS's."""


def make_directory(env: Environment, destination: str, what: str) -> int:
    """A descriptor of the directory to mount ``what`` over, which is made where nothing is."""
    try:
        return env.root.make_directory(destination)
    except SyscallError as error:
        if error.errno == _NOT_A_DIRECTORY:
            raise InvalidConfig(
                f"{what} cannot be mounted at {destination}: in the container that is a file, "
                "or below one"
            ) from None
        raise


def mode_before(env: Environment, destination: str) -> str:
    """The permissions of a directory that is there already, which a tmpfs over it shall have too.

    Spec: none (runc convention)
    """
    try:
        point = env.root.open(destination)
    except SyscallError:
        return ""
    mode = stat.S_IMODE(os.fstat(point).st_mode)
    os.close(point)
    return f"mode={mode:o}"


def refuse_link(env: Environment, destination: str, fstype: str) -> None:
    """/proc and /sys that are symbolic links would be mounted elsewhere (CVE-2019-19921)."""
    try:
        close_all(env.root.open(destination, resolve=f.RESOLVE_NO_SYMLINKS))
    except SyscallError as error:
        if error.errno == 40:
            raise InvalidConfig(
                f"{fstype} must be mounted on an ordinary directory, "
                f"and {destination} in the root filesystem is a symbolic link"
            ) from None
        if error.errno != 2:
            raise


def refuse_proc(env: Environment, destination: str, point: int, tree: int = -1) -> None:
    """Refuse to mount over /proc and its files, but for those that are only information.

    Security labels are set through it: they would go nowhere. Another /proc may be bound over it.

    Args:
        env: of the container.
        destination: as config.json says it.
        point: descriptor of what it turned out to be.
        tree: descriptor of what is bound there; -1 where a filesystem is mounted.
    """
    try:
        proc = os.stat("proc", dir_fd=env.root.fd, follow_symlinks=False)
    except OSError:
        return
    covered = os.fstat(point)
    if covered.st_dev != proc.st_dev or covered.st_dev == os.fstat(env.root.fd).st_dev:
        return
    name = os.path.normpath(destination).removeprefix("/proc/")
    harmless = tree >= 0 and (name in _INSIDE_PROC or name.startswith("net/"))
    if covered.st_ino == proc.st_ino:
        harmless = tree >= 0 and os.fstat(tree).st_ino == _PROC_ROOT and _on_proc(tree)
    if not harmless:
        raise InvalidConfig(
            f"{destination} is inside /proc, where nothing may be mounted over",
            hint="mount it elsewhere",
        )


def _on_proc(fd: int) -> bool:
    """Whether a descriptor is of a file of the kernel's process filesystem."""
    try:
        os.close(os.open("self/stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=fd))
    except OSError:
        return False
    return os.fstat(fd).st_nlink > 1 and os.statvfs(fd).f_blocks == 0

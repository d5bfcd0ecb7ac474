"""Namespaces: their files under /proc, their flags, and joining them. See namespaces(7)."""

from __future__ import annotations

import os

from ocinb.errors import SyscallError
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel

FLAGS = {
    "user": f.CLONE_NEWUSER,
    "mnt": f.CLONE_NEWNS,
    "uts": f.CLONE_NEWUTS,
    "ipc": f.CLONE_NEWIPC,
    "net": f.CLONE_NEWNET,
    "pid": f.CLONE_NEWPID,
    "cgroup": f.CLONE_NEWCGROUP,
    "time": f.CLONE_NEWTIME,
}
"""Name of the file under ``/proc/PID/ns`` → flag."""

_WHOLE_MACHINE = "         0          0 4294967295"


def open_namespace(kernel: Kernel, path: str, kind: str) -> int:
    """A descriptor of the namespace at a path, verified to be of that kind.

    Raises:
        SyscallError: EINVAL where the file is no namespace, or one of another kind.
    """
    fd = kernel.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if kernel.ioctl(fd, f.NS_GET_NSTYPE) == FLAGS[kind]:
            return fd
    except SyscallError:
        pass
    os.close(fd)
    raise SyscallError("setns", (path, kind), 22, hint=f"it is not a {kind} namespace")


def same(fd: int, kind: str) -> bool:
    """Whether the descriptor is the namespace in which the calling process already is."""
    ours, theirs = os.stat(f"/proc/self/ns/{kind}"), os.fstat(fd)
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)


def in_user_namespace() -> bool:
    """Whether this process is in a user namespace other than the machine's first.

    A namespace that maps every id to itself cannot be told from the first one, and need not be.
    """
    try:
        with open("/proc/self/uid_map", encoding="utf-8") as file:
            return file.read().rstrip("\n") != _WHOLE_MACHINE
    except OSError:
        return False

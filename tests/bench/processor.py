"""Processor time of everything that an act makes happen, in whatever process.

What runs in a control group is counted there, and in those above it. So this process goes into a
group of its own, and into a control group namespace in which that group is the topmost: control
groups with absolute paths, as containers have them, then lie beneath it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator

from ocinb.errors import UnsupportedHost
from ocinb.linux import flags as f
from ocinb.linux.cgroup import hierarchies
from ocinb.linux.syscalls import Kernel
from tests.support.workplace import until

BEHIND = 0.03
"""Seconds for what goes on after an act has returned, as tidying up: it counts too."""


class ProcessorTime:
    """A clock that tells the processor time of all processes of the group, in seconds.

    Args:
        group: descriptor of its directory.
    """

    def __init__(self, group: int) -> None:
        self._group = group

    def __call__(self) -> float:
        """The time until now."""
        time.sleep(BEHIND)
        return int(_read(self._group, "cpuacct.usage")) / 1e9


@contextlib.contextmanager
def processor_time(kernel: Kernel) -> Iterator[ProcessorTime]:
    """Count from now on; for a process with one thread, in a mount namespace of its own.

    Raises:
        UnsupportedHost: only version 1 of control groups has what is read here.
    """
    tree = next((tree for tree in hierarchies() if "cpuacct" in tree.controllers), None)
    if tree is None or tree.version != 1:
        raise UnsupportedHost("processor time is counted by the controller cpuacct of version 1")
    name = f"bench-{os.getpid()}"
    above = os.open(tree.own or "/", os.O_RDONLY | os.O_DIRECTORY)
    os.mkdir(name, dir_fd=above)
    group = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=above)
    try:
        _write(group, "cgroup.procs", str(os.getpid()))
        kernel.unshare(f.CLONE_NEWCGROUP)
        kernel.umount(tree.mount_point, f.MNT_DETACH)
        kernel.mount("cgroup", tree.mount_point, "cgroup", 0, ",".join(tree.controllers))
        yield ProcessorTime(group)
    finally:
        # Who is forked or ends meanwhile is in it a moment longer.
        until(lambda: not _emptied(group, above))
        for directory, inner, _ in os.walk(f"/proc/self/fd/{group}", topdown=False):
            for each in inner:  # groups that peers leave empty
                os.rmdir(os.path.join(directory, each))
        os.close(group)
        until(lambda: _removed(name, above))
        os.close(above)


def _emptied(group: int, above: int) -> list[str]:
    """Move the processes of a group to that above it; which ones there were."""
    processes = _read(group, "cgroup.procs").split()
    for pid in processes:
        with contextlib.suppress(OSError):
            _write(above, "cgroup.procs", pid)
    return processes


def _removed(name: str, above: int) -> bool:
    try:
        os.rmdir(name, dir_fd=above)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _read(directory: int, name: str) -> str:
    with open(os.open(name, os.O_RDONLY, dir_fd=directory)) as file:
        return file.read()


def _write(directory: int, name: str, text: str) -> None:
    with open(os.open(name, os.O_WRONLY, dir_fd=directory), "w") as file:
        file.write(text)

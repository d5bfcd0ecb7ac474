"""Processes of a container that outlived the one that stood for it.

Nothing holds them together, no namespace and no control group; but proot names the container's
root filesystem on its command line, and every other process has code of it in its memory.
"""

from __future__ import annotations

import contextlib
import os
import signal

from ocinb.engine.emulated.launch_plan import PROOT
from ocinb.linux.processes import all_pids

TRACERS = "tracers"
"""The file of their numbers in the directory that the runtime has for the container."""
_LOADERS = "/tmp"  # proot 5.1.0 knows no other place


def end_strays(rootfs: str) -> list[int]:
    """Kill the processes that work for a root filesystem; their numbers."""
    real = os.path.realpath(rootfs)
    found = [pid for pid in list(all_pids()) if pid != os.getpid() and _works_for(pid, real)]
    for pid in found:
        send(pid, last_signal(pid))
    return found


def remove_loaders(tracers: str) -> None:
    """Remove what a proot that was killed leaves in /tmp: the file that it executes in the place
    of each program, whose name has its number.

    Args:
        tracers: the file with the numbers of the container's proots, which have ended.
    """
    try:
        with open(tracers, encoding="ascii") as file:
            numbers = file.read().split()
    except OSError:
        return
    for name in os.listdir(_LOADERS):
        parts = name.split("-")
        if len(parts) == 3 and parts[0] == "prooted" and parts[1] in numbers:
            with contextlib.suppress(OSError):  # /tmp is everybody's, but only our own go
                os.unlink(f"{_LOADERS}/{name}")


def last_signal(pid: int) -> int:
    """What ends a process for good.

    proot, killed, would let go of the processes that it follows: it is asked to kill them.
    """
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return signal.SIGQUIT if file.read().strip() == PROOT else signal.SIGKILL
    except OSError:
        return signal.SIGKILL


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _works_for(pid: int, rootfs: str) -> bool:
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.geteuid():
            return False
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
        if os.fsencode(f"--rootfs={rootfs}") in words:
            return True
        with open(f"/proc/{pid}/maps", "rb") as file:
            return any(_is_code_of(line, os.fsencode(rootfs)) for line in file)
    except OSError:
        return False


def _is_code_of(line: bytes, rootfs: bytes) -> bool:
    """Whether a line of /proc/PID/maps is executable memory of a file in this directory."""
    words = line.split(None, 5)
    return len(words) == 6 and b"x" in words[1] and words[5].startswith(rootfs + b"/")

"""Processes of a container that outlived the one that stood for it.

Nothing holds them together, no namespace and no control group; but proot names the container's
root filesystem on its command line, and fakechroot in the environment of each program.
"""

from __future__ import annotations

import contextlib
import os
import signal

from ocinb.engine.emulated.launch_plan import PROOT
from ocinb.linux.processes import all_pids


def end_strays(rootfs: str) -> list[int]:
    """Kill the processes that work for a root filesystem; their numbers."""
    real = os.path.realpath(rootfs)
    found = [pid for pid in list(all_pids()) if pid != os.getpid() and _works_for(pid, real)]
    for pid in found:
        send(pid, last_signal(pid))
    return found


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
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
    except OSError:
        return False
    return os.fsencode(f"FAKECHROOT_BASE={rootfs}") in variables

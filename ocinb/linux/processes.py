"""Processes as /proc tells of them. See proc_pid_stat(5)."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def boot_time() -> float:
    """When this machine started, seconds since the epoch."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 where it is gone or a zombie.

    A number is given to a new process once the old one is gone, so only the pair of number and
    start time names a process.
    """
    fields = _stat(pid)
    if not fields or fields[0] in "ZXx":
        return 0
    return int(fields[19])


def alive(pid: int, started: int) -> bool:
    """Whether the process of that number and start time is there, and not a zombie."""
    return pid > 0 and started != 0 and start_time(pid) == started


def parent(pid: int) -> int:
    """The parent's number; 0 where the process is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def all_pids() -> Iterator[int]:
    """The numbers of all processes that /proc shows."""
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def children(pid: int) -> list[int]:
    """The children of a process, oldest first; none where it is gone."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except ProcessLookupError:
        return []
    except FileNotFoundError:
        # The kernel was built without this file, or the process is gone.
        return sorted(other for other in all_pids() if parent(other) == pid)


def descendants(pid: int) -> list[int]:
    """All processes below a process."""
    below = children(pid)
    return below + [other for child in below for other in descendants(child)]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from ``state`` on; empty where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    # The command, in parentheses, may itself hold parentheses and spaces.
    return text.rpartition(")")[2].split()

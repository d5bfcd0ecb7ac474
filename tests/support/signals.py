"""What /proc tells of a process's signals."""

from __future__ import annotations

import signal
from pathlib import Path

_GLIBC = 0b11 << 31
"""Signals 32 and 33 are glibc's own: what it starts by posix_spawn, as make does, ignores them."""


def ignored_signals(mask: str) -> int:
    """The bits of ``SigIgn`` in /proc/PID/status, without those that a program cannot choose."""
    return int(mask, 16) & ~_GLIBC


def passes_on(pid: int) -> bool:
    """Whether a process of ours waits for a program, and would pass signals on to it."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt:"))
    handled = bool(caught >> (signal.SIGQUIT - 1) & 1)
    return handled and "poll" in Path(f"/proc/{pid}/wchan").read_text()

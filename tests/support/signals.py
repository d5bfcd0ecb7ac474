"""What /proc tells of a process's signals."""

from __future__ import annotations

_GLIBC = 0b11 << 31
"""Signals 32 and 33 are glibc's own: what it starts by posix_spawn, as make does, ignores them."""


def ignored_signals(mask: str) -> int:
    """The bits of ``SigIgn`` in /proc/PID/status, without those that a program cannot choose."""
    return int(mask, 16) & ~_GLIBC

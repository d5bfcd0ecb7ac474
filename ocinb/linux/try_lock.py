"""A lock that is tried for and never waited for. See flock(2)."""

from __future__ import annotations

import fcntl


def try_lock(descriptor: int) -> bool:
    """Take the lock of a file or directory for ourselves, until the descriptor is closed.

    Returns:
        False where somebody else has it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

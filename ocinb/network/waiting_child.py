"""A process that is there before it does anything, so that it can first be written down."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def fork_waiting(work: Callable[[], None], status: int) -> tuple[int, int]:
    """Fork a process; its number, and a descriptor that it waits for.

    It begins when something is written there, and ends when that is closed before.

    Args:
        work: what it does, unless it executes a program instead.
        status: its exit status after that, whatever came of it.
    """
    waiting, go = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child:
        os.close(waiting)
        return child, go
    try:
        os.close(go)
        if os.read(waiting, 1):
            work()
    finally:
        os._exit(status)

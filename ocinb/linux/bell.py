"""Waking another process without giving it this processor.

Who writes to a socket or a pipe is taken by the kernel to sleep next: it wakes the reader on the
same processor, where that waits until the writer sleeps indeed, though another one is idle. An
eventfd wakes its reader wherever there is room. So who goes on to work rings a bell as well. See
eventfd(2).
"""

from __future__ import annotations

import os


def make_bell() -> int:
    """A bell: a descriptor, to be shared with who waits for it."""
    return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)


def ring(bell: int) -> None:
    """Wake who waits for it, now or later."""
    os.eventfd_write(bell, 1)


def answer(bell: int) -> None:
    """It was heard, however often it was rung: who rang may have said more, or been interrupted
    before the ring, so all that was said is to be heard now.
    """
    try:
        os.eventfd_read(bell)
    except BlockingIOError:
        pass  # it was not the bell that woke us

"""Waiting for an attached container, and what Ctrl-C does meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ocinb.engine.launch import Shim
from ocinb.errors import ContainerError

GRACE = 2.0
"""Seconds that a program has after Ctrl-C to end by itself."""


def wait(shim: Shim) -> dict[str, Any]:
    """Wait until the container has ended and is cleaned up; what exit.json says.

    Ctrl-C is passed on as SIGINT. A program that goes on for longer than ``GRACE``, or a second
    Ctrl-C, is answered by SIGKILL: the first process of a container ignores signals that it does
    not handle.

    Raises:
        ContainerError: the monitor was killed.
    """
    deadline: float | None = None
    while shim.exit is None:
        try:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            if not shim.listen(left) and shim.exit is None:
                raise ContainerError(
                    "the monitor of the container was killed, so nobody saw how it ended",
                    hint="ocinb ps shows what is left, ocinb delete --force removes it",
                )
            if deadline is not None and time.monotonic() >= deadline:
                shim.kill(signal.SIGKILL)
                deadline = time.monotonic() + GRACE
        except KeyboardInterrupt:
            shim.kill(signal.SIGINT if deadline is None else signal.SIGKILL)
            deadline = time.monotonic() + GRACE
    return shim.exit


@contextlib.contextmanager
def raw_terminal(shim: Shim, *, wanted: bool) -> Iterator[None]:
    """Put this process's terminal at the disposal of the container's, until the block is left.

    Every key, Ctrl-C too, goes to the container; a change of the window's size is passed on.
    Where standard input is not a terminal nothing is changed.
    """
    if not (wanted and os.isatty(0)):
        yield
        return
    import termios
    import tty

    def resize(_number: int = 0, _frame: FrameType | None = None) -> None:
        size = shutil.get_terminal_size()
        shim.resize(size.lines, size.columns)

    before = termios.tcgetattr(0)
    handler = signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(0)
        resize()
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)

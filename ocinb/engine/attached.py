"""Waiting for an attached container, and what Ctrl-C does meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from types import FrameType

from ocinb.engine.launch import Shim
from ocinb.errors import ContainerError
from ocinb.frozen import Frozen

GRACE = 2.0
"""Seconds that a program has after Ctrl-C to end by itself."""
CLEANUP = 10.0
"""Seconds after SIGKILL in which everything must be cleaned up."""


class Ended(Frozen):
    """How the wait for an attached container was over.

    Attributes:
        exit_status: of its program, as a shell has it.
        interrupted: whether the person pressed Ctrl-C meanwhile.
    """

    exit_status: int
    interrupted: bool


def start_and_wait(shim: Shim, *, remove: bool) -> Ended:
    """Start the program and wait until it has ended and is cleaned up.

    Ctrl-C is passed on as SIGINT. A program that goes on for longer than ``GRACE``, or a second
    Ctrl-C, is answered by SIGKILL: the first process of a container ignores signals that it does
    not handle.

    Args:
        remove: whether the monitor shall remove the container's directory, should this process
            be killed meanwhile.

    Raises:
        StepFailed: it could not be started. ContainerError: the monitor was killed.
        KeyboardInterrupt: not even SIGKILL brought the end, as while a hook hangs.
    """
    shim.order("start", remove=remove)
    patience = _Patience(shim)
    while shim.exit is None:
        try:
            if not shim.listen(patience.left) and shim.exit is None:
                raise ContainerError(
                    "the monitor of the container was killed, so nobody saw how it ended",
                    hint="ocinb ps shows what is left, ocinb delete --force removes it",
                )
            shim.check()
            patience.check()
        except KeyboardInterrupt:
            patience.interrupt()
    return Ended(exit_status=shim.exit["exit_status"], interrupted=patience.tried)


class _Patience:
    """How long is waited after Ctrl-C, and what happens then."""

    def __init__(self, shim: Shim) -> None:
        self._shim = shim
        self._steps = [(signal.SIGINT, GRACE), (signal.SIGKILL, CLEANUP)]
        self._deadline: float | None = None

    @property
    def tried(self) -> bool:
        """Whether there was a Ctrl-C."""
        return self._deadline is not None

    @property
    def left(self) -> float | None:
        """Seconds until the next step; None: as long as it takes."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    def interrupt(self) -> None:
        """Take the next step: SIGINT, SIGKILL, giving up."""
        if not self._steps:
            raise KeyboardInterrupt
        number, seconds = self._steps.pop(0)
        self._shim.kill(number)
        self._deadline = time.monotonic() + seconds

    def check(self) -> None:
        """Take the next step when the time for the last one is over."""
        if self.left == 0.0:
            self.interrupt()


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

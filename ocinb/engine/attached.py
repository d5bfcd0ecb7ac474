"""Waiting for an attached container, and what Ctrl-C does meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from ocinb.engine.connection import Connection
from ocinb.engine.passing_on import GRACE, Left, listens, passing_on
from ocinb.errors import ContainerError
from ocinb.frozen import Frozen

if TYPE_CHECKING:
    from ocinb.engine.launch import Shim
    from ocinb.engine.stacked import Stacked

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


Steps = Sequence[tuple[int, float | None]]
"""What is sent at each Ctrl-C, and the seconds after which the next follows by itself."""

INSISTING: Steps = ((signal.SIGINT, GRACE), (signal.SIGKILL, CLEANUP))
"""For who wants an end: the first process of a container ignores signals that it does not handle.
"""
ASKING: Steps = ((signal.SIGINT, None),)
"""For who only looks on: a second Ctrl-C ends the looking."""


def run_and_wait(
    shim: Shim,
    stacked: Stacked,
    order: dict[str, Any],
    *,
    remove: bool,
    pass_on: bool | None,
    raw: bool,
) -> Ended | None:
    """Create a container, start its program, and wait until it has ended and is cleaned up.

    Args:
        stacked: its root filesystem, which may still be in the making.
        order: to create it.
        remove, pass_on: as for ``start_and_wait``.
        raw: whether this process's terminal is put at its disposal.

    Raises:
        StepFailed: it could not be created or started. OcinbError: as for ``Stacked``.
    """
    if raw or order["hooks"]:
        # The terminal must be there to be told its size; and where a hook hangs, Ctrl-C is not
        # for the program.
        os.fspath(stacked)
        shim.ask("create", **order)
        with raw_terminal(shim, wanted=raw):
            return start_and_wait(shim, remove=remove, pass_on=pass_on)
    shim.order_next("create", **order, start={"remove": remove})
    os.fspath(stacked)
    return wait_for_end(shim, INSISTING, pass_on=pass_on)


def start_and_wait(shim: Connection, *, remove: bool, pass_on: bool | None) -> Ended | None:
    """Start the program and wait until it has ended and is cleaned up. See ``wait_for_end``.

    Args:
        remove: whether the monitor shall remove the container's directory, should this process
            be killed meanwhile, or should the container be left to itself.

    Raises:
        StepFailed: it could not be started.
    """
    begin = partial(shim.order, "start", remove=remove)
    return wait_for_end(shim, INSISTING, begin=begin, pass_on=pass_on)


def wait_for_end(
    connection: Connection,
    steps: Steps,
    begin: Callable[[], None] | None = None,
    *,
    pass_on: bool | None = None,
) -> Ended | None:
    """Wait until a program has ended; None where the keys to detach were typed.

    Ctrl-C is passed on as SIGINT, and what follows is as ``steps`` say.

    Args:
        connection: to its monitor.
        steps: what Ctrl-C does.
        begin: what lets it run: from then on it may be interrupted, too.
        pass_on: whether other signals to this process are passed on as well, see ``passing_on``;
            False: none of them, and what asks to end is answered by None, too.

    Raises:
        StepFailed: it could not be started. ContainerError: the monitor was killed.
        KeyboardInterrupt: there are no steps left, as while a hook hangs.
    """
    try:
        with passing_on(connection, pass_on):
            return _wait(connection, _Patience(connection, steps, patient=bool(pass_on)), begin)
    except Left:
        return None


def _wait(
    connection: Connection, patience: _Patience, begin: Callable[[], None] | None
) -> Ended | None:
    over = False
    while not over:
        try:
            if begin is not None:
                first, begin = begin, None
                first()
            over = connection.exit is not None or connection.detached
            if not over and not connection.listen(patience.left) and connection.exit is None:
                raise ContainerError(
                    "the monitor of the container was killed, so nobody saw how it ended",
                    hint="ocinb ps shows what is left, ocinb rm --force removes it",
                )
            connection.check()
            patience.check()
        except KeyboardInterrupt:
            patience.interrupt()
    if connection.exit is None:
        return None
    return Ended(exit_status=connection.exit["exit_status"], interrupted=patience.tried)


class _Patience:
    """How long is waited after Ctrl-C, and what happens then.

    Args:
        patient: a program that listens to it has all the time, until the keys are pressed again.
    """

    def __init__(self, connection: Connection, steps: Steps, *, patient: bool) -> None:
        self._patient = patient
        self._connection = connection
        self._steps = [*steps]
        self._deadline: float | None = None
        self.tried = False

    @property
    def left(self) -> float | None:
        """Seconds until the next step; None: as long as it takes."""
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.0)

    def interrupt(self) -> None:
        """Take the next step; without one give up."""
        if not self._steps:
            raise KeyboardInterrupt
        self.tried = True
        number, seconds = self._steps.pop(0)
        self._connection.kill(number)
        if self._patient and number == signal.SIGINT and listens(self._connection.files, number):
            seconds = None
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def check(self) -> None:
        """Take the next step when the time for the last one is over."""
        if self.left == 0.0:
            self.interrupt()


@contextlib.contextmanager
def raw_terminal(connection: Connection, *, wanted: bool) -> Iterator[None]:
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
        size = os.get_terminal_size(0)
        connection.resize(size.lines, size.columns)

    before = termios.tcgetattr(0)
    handler = signal.signal(signal.SIGWINCH, resize)
    try:
        tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead is not lost
        resize()
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)


@contextlib.contextmanager
def input_of(stdin: int | bytes | None) -> Iterator[int | None]:
    """Bytes as a file without a name, to be read from its beginning; a descriptor stays one."""
    if not isinstance(stdin, bytes):
        yield stdin
        return
    with open(os.memfd_create("stdin"), "w+b", 0) as file:
        file.write(stdin)
        file.seek(0)
        yield file.fileno()

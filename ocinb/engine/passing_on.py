"""Signals to a process that waits for a container: passed on to the container's program.

So ``kill`` and ``timeout`` reach the program that a person thinks of, and who waits sees it end
and tidies up. Ctrl-C has rules of its own, see ``attached``.

Spec: none (docker's and podman's ``--sig-proxy``)
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocinb.engine.connection import Connection
    from ocinb.engine.container_files import ContainerFiles

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""What asks a program to end."""
PASSED_ON = (
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    *range(signal.SIGRTMIN, signal.SIGRTMAX + 1),
)
"""All that can be sent to a process on purpose, but for those about terminals and children."""
GRACE = 0.7
"""Seconds that a program has to end that is asked to, by Ctrl-C, and has no ear for it: a cell is
to end within one."""


class Left(BaseException):
    """The container is to be left to itself: a signal came, and is not to be passed on."""


@contextlib.contextmanager
def passing_on(connection: Connection, wanted: bool | None) -> Iterator[None]:
    """Pass signals on to a container's first process until the block is left.

    That process ignores what it has no handler for, as the first of its pid namespace. One that
    does not listen to what asks it to end is killed some time after; at a hangup it goes on.

    Args:
        connection: to the container's monitor.
        wanted: False: whatever would end this process raises ``Left`` instead; None: signals
            are as they were, as they always are in threads.

    Raises:
        Left: see above, and at a hangup that the program has no ear for.
    """
    if wanted is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    timers: list[threading.Timer] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        connection.kill(number)
        if number not in ENDING or listens(connection.files, number):
            return
        if number == signal.SIGHUP:  # our terminal is gone, which is nothing to the program
            raise Left
        timer = threading.Timer(GRACE, connection.kill, [signal.SIGKILL])
        timer.daemon = True
        timer.start()
        timers.append(timer)

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise Left

    before = {
        number: signal.signal(number, pass_on if wanted else leave)
        for number in (PASSED_ON if wanted else ENDING)
        if signal.getsignal(number) != signal.SIG_IGN  # as nohup has it
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for timer in timers:
            timer.cancel()


def listens(files: ContainerFiles, number: int) -> bool:
    """Whether a container's first process has a handler for a signal."""
    process = files.read_process(files.init)
    if process is None:
        return False
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "0:0")
    return bool(int(caught.partition(":")[2], 16) >> (number - 1) & 1)

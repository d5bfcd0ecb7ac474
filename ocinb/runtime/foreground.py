"""Waiting for a container, or a further process in it, as ``run`` and ``exec`` do.

Signals go to the container's process; its exit status becomes the runtime's.
"""

from __future__ import annotations

import os

from ocinb.errors import StorageError, SyscallError
from ocinb.linux import signals
from ocinb.runtime.atomic_file import write_atomically

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.terminal import Terminal

_KEPT = (signals.SIGKILL, signals.SIGSTOP, signals.SIGCHLD, signals.SIGPIPE, signals.SIGURG)
_SIGNALLED = 128


def forward_signals(kernel: Kernel, pid: int, terminal: Terminal | None = None) -> None:
    """From now on pass every signal on to a process, before it is the user's program even."""

    def forward(number: int, _: object) -> None:
        if number == signals.SIGWINCH and terminal:
            terminal.resize()
            return
        try:
            kernel.kill(pid, number)
        except SyscallError:
            pass  # it has just ended

    for number in signals.all_numbers() - set(_KEPT):
        try:
            signals.handle(number, forward)
        except (OSError, ValueError):
            continue  # a real-time signal that the C library keeps for itself


def wait(pid: int, terminal: Terminal | None = None) -> int:
    """Wait for our child of this pid; returns its exit status.

    A process that was killed by a signal has 128 and the signal's number, as in a shell.
    """
    if terminal:
        ended = os.pidfd_open(pid)
        terminal.carry(ended)
        os.close(ended)
    while True:
        # As a subreaper we inherit what a container without a pid namespace leaves behind.
        other, status = os.waitpid(-1, 0)
        if other == pid:
            code = os.waitstatus_to_exitcode(status)
            return _SIGNALLED - code if code < 0 else code


def write_pid_file(path: str, pid: int) -> None:
    """The pid as digits without a newline, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        write_atomically(os.path.abspath(path), str(pid), 0o644)
    except StorageError as error:
        raise StorageError(f"the pid file {error.message}") from None

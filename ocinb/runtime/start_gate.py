"""The gate between create and start.

The container's process opens a FIFO for writing, which blocks it until ``start`` opens the same
FIFO for reading, however long ago the process that created the container is gone. Through the
FIFO it then tells start how it went: a space that it is about to execute the program, then the
end, for the descriptor is closed by that; or else the error. The end without a word means that the
process was killed.

Until then it also holds ``init.lock``, by which anybody can see that it is not yet the program.
"""

from __future__ import annotations

import fcntl
import os
import select

from ocinb.errors import InvalidStatus, StepFailed
from ocinb.linux import signals
from ocinb.linux.try_lock import try_lock
from ocinb.plain_json import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.environment import Environment


_NEXT = b" "
"""White space, which may stand before a JSON document."""


class Gate:
    """The side of the container's process.

    Args:
        fifo: descriptor of the FIFO, as a path only.
        lock: descriptor of ``init.lock``, which is locked.
    """

    def __init__(self, fifo: int, lock: int) -> None:
        self._fifo = fifo
        self._lock = lock
        self._writer = -1

    @classmethod
    def make(cls, container: Container) -> Gate:
        """A gate whose files are made in a container's directory."""
        path = f"{container.directory}/exec.fifo"
        os.mkfifo(path, 0o600)
        # Written by the container's user, which may be any; the directory is private.
        os.chmod(path, 0o622)
        fifo = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            lock = os.open(f"{container.directory}/init.lock", flags, 0o600)
        except OSError:
            os.close(fifo)
            raise
        fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(fifo, lock)

    @property
    def descriptors(self) -> tuple[int, int]:
        """What the container's process holds."""
        return self._fifo, self._lock

    def leave(self) -> None:
        """Close this process's descriptors: only the container's process holds the lock then."""
        os.close(self._fifo)
        os.close(self._lock)

    def heed_signals(self) -> None:
        """End by a signal, from before anybody knows that the container is created.

        The first process of a pid namespace ignores those that it has no handler for; then only
        SIGKILL would end a container that waits.
        """
        for number in (signals.SIGTERM, signals.SIGINT, signals.SIGHUP, signals.SIGQUIT):
            signals.handle(number, lambda number, _: os._exit(128 + number))

    def wait(self, env: Environment) -> None:
        """Wait, inside the container, until start is called.

        The FIFO is reached through the host's /proc, of which a descriptor was kept: whatever is
        mounted on the container's /proc has no say.
        """
        path = f"self/fd/{self._fifo}"
        self._writer = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=env.host_proc)

    def announce(self) -> None:
        """Say that the program is executed next."""
        try:
            os.write(self._writer, _NEXT)
        except BrokenPipeError:
            pass  # start was killed: nobody is left to tell

    def report(self, failure: dict[str, Any]) -> bool:
        """Tell start what went wrong; False where start was not called yet."""
        if self._writer < 0:
            return False
        try:
            os.write(self._writer, dumps(failure).encode())
        except BrokenPipeError:
            pass  # start was killed: nobody is left to tell
        return True


def open_gate(container: Container) -> dict[str, Any] | None:
    """Let the program start; returns when it was executed, or with the failure.

    Raises:
        InvalidStatus: another start is doing so at this moment.
        StepFailed: the container's process ended without a word.

    Spec: runtime-spec runtime.md#start
    """
    path = f"{container.directory}/exec.fifo"
    # Before the gate opens: a short program may be over, and reaped, before we look again.
    process = os.pidfd_open(container.pid)
    # Non-blocking: should the container's process be killed meanwhile, nobody would ever answer.
    fifo = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not try_lock(fifo):
            raise InvalidStatus(f"container {container.id} is being started already")
        said = _read_all(fifo, process)
    finally:
        os.close(fifo)
        os.close(process)
    if not said:
        raise StepFailed("the container's process ended before the program was executed")
    if said == _NEXT:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass  # a short program: who waited for its end has deleted the container already
        return None
    failure: dict[str, Any] = loads(said)
    return failure


def _read_all(fifo: int, process: int) -> bytes:
    poll = select.poll()
    poll.register(fifo, select.POLLIN)
    poll.register(process, select.POLLIN)
    said = b""
    while True:
        ready = dict(poll.poll())
        if fifo in ready:
            data = os.read(fifo, 65536)
            if not data:
                return said
            said += data
        elif process in ready:
            raise StepFailed("the container's process ended before the program was executed")

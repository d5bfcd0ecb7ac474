"""The gate between create and start, on the side of the container's process."""

from __future__ import annotations

import fcntl
import os
import signal

_SIGNALLED = 128


class Gate:
    """Between create and start: see ``ocinb/runtime/start_gate.py``, whose other side this is for.

    Args:
        directory: of the container, where the runtime keeps it.
    """

    def __init__(self, directory: str) -> None:
        self._path = f"{directory}/exec.fifo"
        os.mkfifo(self._path, 0o600)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._lock = os.open(f"{directory}/init.lock", flags, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def wait(self) -> int:
        """Wait for start; the descriptor over which it is told how it went."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, lambda number, _: os._exit(_SIGNALLED + number))
        return os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)

    def pass_through(self) -> None:
        """From now on the container is running."""
        os.close(self._lock)

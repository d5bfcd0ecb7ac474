"""A program on pipes of ours, with further descriptors at the numbers that it expects."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from typing import TYPE_CHECKING

from ocinb.linux.processes import all_pids, parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FREE = 10
"""Descriptors are kept from this number on while those below are set up."""
_GRACE = 2.0
"""Seconds that interrupted programs have to end."""
_LOOK = 0.02
_READ = {"x86_64": "0", "aarch64": "63"}
"""The number of read(2)."""


class Child:
    """A program that was started; closed by ``close``.

    Args:
        argv: its path and arguments.
        further: descriptors that become 3, 4 …

    Attributes:
        pid: its number.
        stdin, stdout, stderr: our ends of its pipes; -1: closed.
        status: its exit status, as a shell has it; None while it runs.
    """

    def __init__(self, argv: tuple[str, ...], further: Sequence[int]) -> None:
        self.status: int | None = None
        theirs_in, self.stdin = os.pipe()
        self.stdout, theirs_out = os.pipe()
        self.stderr, theirs_err = os.pipe()
        given = [theirs_in, theirs_out, theirs_err, *further]
        # Of the numbers below ten, some are sources and some are targets: all move away first.
        moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FREE) for fd in given]
        try:
            self.pid = os.posix_spawn(
                argv[0],
                argv,
                dict(os.environ),
                file_actions=[(os.POSIX_SPAWN_DUP2, fd, n) for n, fd in enumerate(moved)],
                setsid=True,
                setsigdef=[signal.SIGPIPE, signal.SIGINT],
            )
        finally:
            for descriptor in (theirs_in, theirs_out, theirs_err, *moved):
                os.close(descriptor)

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code
        return self.status

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come."""
        end = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < end:
            time.sleep(_LOOK)
        return self.status is not None

    def give(self, line: str | None) -> None:
        """A line for its standard input; None ends that."""
        try:
            if line is not None and self.stdin >= 0:
                os.write(self.stdin, f"{line}\n".encode())
                return
        except BrokenPipeError:
            pass  # it reads no more
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def reads(self) -> bool:
        """Whether it, or a program that it started, waits for our standard input."""
        if self.stdin < 0:
            return False
        number, pipe = _READ.get(os.uname().machine), os.fstat(self.stdin).st_ino
        for pid in _below(self.pid):
            try:
                if os.stat(f"/proc/{pid}/fd/0").st_ino != pipe:
                    continue
                with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
                    words = file.read().split()
            except OSError:
                continue  # it is gone, or not ours to look at
            if words[:2] == [number, "0x0"]:
                return True
        return False

    def end(self) -> None:
        """Interrupt all that it started, and kill what does not end by that."""
        for number in (signal.SIGINT, signal.SIGKILL):
            _send(_below(self.pid), number)
            if self.wait(_GRACE):
                return
        _send([self.pid], signal.SIGKILL)
        self.wait(_GRACE)

    def close(self) -> None:
        """Give the pipes back."""
        for descriptor in (self.stdin, self.stdout, self.stderr):
            if descriptor >= 0:
                os.close(descriptor)
        self.stdin = self.stdout = self.stderr = -1


def _below(pid: int) -> list[int]:
    parents = {other: parent(other) for other in all_pids()}
    found, waiting = [], [pid]
    while waiting:
        here = waiting.pop()
        children = [other for other, above in parents.items() if above == here]
        found += children
        waiting += children
    return found


def _send(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

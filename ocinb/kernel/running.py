"""One script while it runs in its container: what it writes, what it asks, how it ends."""

from __future__ import annotations

import contextlib
import contextvars
import os
import signal
import stat
import threading
import time
import uuid
from typing import TYPE_CHECKING

from ocinb.engine.joining import FurtherProcess
from ocinb.linux.processes import all_pids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ocinb.engine.engine import Engine

WRAPPER = """\
eval "$1"
cd -- "${OCINB_DIRECTORY:-.}" 2>/dev/null || :
export OCINB_DIRECTORY OCINB_CELL="$3"
OCINB_MARK="$4"
exec 9>&1
trap 'OCINB_DIRECTORY="$PWD"; { echo "$OCINB_MARK"; export -p; echo "$OCINB_MARK"; } >&9' EXIT
eval "shift 4
$2"
"""
"""The program of every script; its arguments are what the last one left, the script, a word by
which the processes of the script are known, and a line that begins and ends what it leaves."""

LONGEST = 100_000
"""Bytes of a script, and of what it leaves: the kernel takes no longer arguments. See execve(2)."""

_LOOK = 0.1
_ASK = 0.25
_GRACE = 0.7
_END = 5.0
"""Seconds."""
_READ = {"x86_64": "0", "aarch64": "63"}
"""The number of read(2)."""


class Running:
    """A script that was started; ``wait`` for it.

    Args:
        engine: of the container.
        name: of the container.
        script: for ``sh``.
        before: what the script before it left.
        output: given bytes and the number of their stream, in a thread of ours.
        asks: whether there is somebody who can be asked for input.

    Attributes:
        left: what it leaves; None: it was ended before it could say so.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        script: str,
        before: str,
        output: Callable[[bytes, int], None],
        *,
        asks: bool,
    ) -> None:
        self._cell = uuid.uuid4().hex
        self._tail = _Tail(f"\x1e{self._cell}\n".encode(), output)
        reader, self._input = os.pipe() if asks else (-1, -1)
        self._error: BaseException | None = None
        self._status = 0
        process = FurtherProcess(
            args=("/bin/sh", "-c", WRAPPER, "sh", before, script, self._cell, f"\x1e{self._cell}"),
            env=(f"OCINB_CELL={self._cell}",),
        )

        def work() -> None:
            try:
                given = reader if asks else None
                ended = engine.containers.exec(name, process, output=self._tail, stdin=given)
                self._status = ended.exit_status if ended is not None else 0
            except BaseException as error:
                self._error = error
            finally:
                if asks:
                    os.close(reader)

        # The thread takes the context along: by it the kernel knows whose cell is written to.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(work,), daemon=True)
        self._thread.start()

    @property
    def left(self) -> str | None:
        """See the class."""
        return self._tail.held

    def wait(self, ask: Callable[[], str | None] | None) -> int:
        """Wait for its end, and ask the person when it reads; its exit status.

        Raises:
            OcinbError: it could not be run.
        """
        asked = time.monotonic()
        while self._thread.is_alive():
            self._thread.join(_LOOK)
            if ask is None or self._input < 0 or time.monotonic() - asked < _ASK:
                continue
            if self._thread.is_alive() and any(map(_reads, self._pids())):
                self._give(ask())
            asked = time.monotonic()
        self._close()
        if self._error is not None:
            raise self._error
        return self._status

    def end(self) -> bool:
        """Interrupt all that it started, and kill what does not end by that; whether it ended."""
        for number, seconds in ((signal.SIGINT, _GRACE), (signal.SIGKILL, _END)):
            _send(self._pids(), number)
            self._thread.join(seconds)
            if not self._thread.is_alive():
                break
        _send(self._pids(), signal.SIGKILL)  # what it had put into the background
        self._close()
        return not self._thread.is_alive()

    def _give(self, line: str | None) -> None:
        """A line for its standard input; None ends that."""
        if line is None:
            self._close()
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self._input, f"{line}\n".encode())

    def _close(self) -> None:
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def _pids(self) -> list[int]:
        """The processes of the script, which are known by a variable."""
        word = f"OCINB_CELL={self._cell}".encode()
        found = []
        for pid in all_pids():
            with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
                if word in file.read().split(b"\0"):
                    found.append(pid)
        return found


class _Tail:
    """Passes output on, but keeps what stands between two marks at its end.

    Attributes:
        held: that, once both marks have come.
    """

    def __init__(self, mark: bytes, output: Callable[[bytes, int], None]) -> None:
        self._mark = mark
        self._output = output
        self._kept = b""
        self._within = False
        self.held: str | None = None

    def __call__(self, data: bytes, stream: int) -> None:
        """Bytes of standard output (1) or standard error (2)."""
        if stream != 1:
            self._output(data, stream)
            return
        data = self._kept + data
        if not self._within:
            before, found, data = data.partition(self._mark)
            waiting = 0 if found else _begun(before, self._mark)
            if len(before) > waiting:
                self._output(before[: len(before) - waiting], 1)
            self._within = bool(found)
            self._kept = data if found else before[len(before) - waiting :]
            if not found:
                return
        else:
            self._kept = data
        inside, found, rest = self._kept.partition(self._mark)
        if found:
            self.held = inside.decode(errors="surrogateescape")
            self._within, self._kept = False, b""
            if rest:
                self._output(rest, 1)


def _begun(data: bytes, mark: bytes) -> int:
    """How many bytes at the end of the data may be the beginning of the mark."""
    most = min(len(data), len(mark) - 1)
    return next((n for n in range(most, 0, -1) if data.endswith(mark[:n])), 0)


def _reads(pid: int) -> bool:
    """Whether a process waits for its standard input, and that is a pipe."""
    try:
        if not stat.S_ISFIFO(os.stat(f"/proc/{pid}/fd/0").st_mode):
            return False
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            words = file.read().split()
    except OSError:
        return False  # it is gone, or not ours to look at
    return words[:2] == [_READ.get(os.uname().machine), "0x0"]


def _send(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)

"""What a container's program wrote, with times, in a file that outlives it.

The format is the one of Kubernetes' Container Runtime Interface, because it keeps any bytes as
they are: ``<RFC 3339 time> stdout|stderr P|F <bytes>``, where P is a part of a line and F its end.

A log does not grow without end: at 10 MB it becomes ``log.1``, in the place of the ``log.1``
before, and a new one is begun. So at least the last 10 MB are there, and never more than 20.

Spec: none (Kubernetes CRI convention; its kubelet rotates at 10 MB too)
"""

from __future__ import annotations

import contextlib
import os
import time

from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

STREAMS = {1: b"stdout", 2: b"stderr"}
_NUMBERS = {name: number for number, name in STREAMS.items()}


MOST = 10_000_000
"""Bytes of a log, times included, at which another one is begun."""


class LogWriter:
    """Appends chunks of output to a log.

    Args:
        path: of the log; the one before it has ``.1`` at its end.
        most: bytes at which another one is begun.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: str, *, most: int = MOST) -> None:
        self._path = path
        self._most = most
        self._fd = self._open()
        self._size = os.fstat(self._fd).st_size

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, stream: int, data: bytes) -> None:
        """Keep a chunk of stream 1 or 2. A full disk must not stop a container: it is lost."""
        head = b"%s %s " % (_now(), STREAMS[stream])
        *whole, rest = data.split(b"\n")
        lines = [b"%sF %s\n" % (head, line) for line in whole]
        if rest:
            lines.append(b"%sP %s\n" % (head, rest))
        try:
            self._size += os.write(self._fd, b"".join(lines))
            if self._size >= self._most:
                self._begin_another()
        except OSError:
            return

    def _begin_another(self) -> None:
        os.replace(self._path, earlier(self._path))
        old, self._fd, self._size = self._fd, self._open(), 0
        os.close(old)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class LogChunk(Frozen):
    """A piece of output.

    Attributes:
        time: RFC 3339, UTC.
        stream: 1 for standard output, 2 for standard error.
        data: as it was written, line end included.
    """

    time: str
    stream: int
    data: bytes


def read_log(path: str) -> Iterator[LogChunk]:
    """The output kept in a log and the one before it, in the order in which it came."""
    with contextlib.ExitStack() as opened:
        files = []
        # The newer one first: should they change places in between, it is read twice, not lost.
        for name in (path, earlier(path)):
            with contextlib.suppress(FileNotFoundError):
                files.append(opened.enter_context(open(name, "rb")))
        if len(files) == 2 and os.path.sameopenfile(*(file.fileno() for file in files)):
            files.pop()
        for file in reversed(files):
            yield from _chunks(file)


def _chunks(file: BinaryIO) -> Iterator[LogChunk]:
    for line in file:
        chunk = chunk_of(line[:-1]) if line.endswith(b"\n") else None
        if chunk is not None:
            yield chunk


def chunk_of(line: bytes) -> LogChunk | None:
    """What a line of a log holds; None where a full disk cut it short."""
    if line.count(b" ") < 3:
        return None
    stamp, name, tag, data = line.split(b" ", 3)
    if name not in _NUMBERS:
        return None
    end = b"\n" if tag == b"F" else b""
    return LogChunk(time=stamp.decode(), stream=_NUMBERS[name], data=data + end)


def earlier(path: str) -> str:
    """The log before this one."""
    return f"{path}.1"


def _now() -> bytes:
    now = time.time()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{seconds}.{int(now % 1 * 1e9):09d}Z".encode()

"""What a container's program wrote, with times, in a file that outlives it.

The format is the one of Kubernetes' Container Runtime Interface, because it keeps any bytes as
they are: ``<RFC 3339 time> stdout|stderr P|F <bytes>``, where P is a part of a line and F its end.

Spec: none (Kubernetes CRI convention)
"""

from __future__ import annotations

import os
import time

from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = {1: b"stdout", 2: b"stderr"}
_NUMBERS = {name: number for number, name in STREAMS.items()}


class LogWriter:
    """Appends chunks of output to a log.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, stream: int, data: bytes) -> None:
        """Keep a chunk of stream 1 or 2. A full disk must not stop a container: it is lost."""
        head = b"%s %s " % (_now(), STREAMS[stream])
        *whole, rest = data.split(b"\n")
        lines = [b"%sF %s\n" % (head, line) for line in whole]
        if rest:
            lines.append(b"%sP %s\n" % (head, rest))
        try:
            os.write(self._fd, b"".join(lines))
        except OSError:
            return

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
    """The output kept in a log, in the order in which it came; nothing where there is none."""
    try:
        file = open(path, "rb")  # noqa: SIM115 (closed below; a generator may be left early)
    except FileNotFoundError:
        return
    with file:
        for line in file:
            if not line.endswith(b"\n") or line.count(b" ") < 3:
                continue  # cut short by a full disk
            stamp, name, tag, data = line[:-1].split(b" ", 3)
            end = b"\n" if tag == b"F" else b""
            yield LogChunk(time=stamp.decode(), stream=_NUMBERS[name], data=data + end)


def _now() -> bytes:
    now = time.time()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{seconds}.{int(now % 1 * 1e9):09d}Z".encode()

"""The log of a container as a CRI runtime writes it for the kubelet.

A line is ``TIME STREAM TAG TEXT``; the tag ``P`` says that the text goes on in the stream's next
line, ``F`` that it is whole.
Spec: none (Kubernetes CRI logging)
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from ocinb.errors import CriError
from ocinb.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class LogLine(Frozen):
    """A line that a container wrote.

    Attributes:
        time: seconds since the epoch, of its last part.
        stream: 1 or 2.
        text: without the line's end.
        whole: False where the container has not ended it.
    """

    time: float
    stream: int
    text: bytes
    whole: bool = True


def read(path: str) -> Iterator[LogLine]:
    """The lines of a log; none where there is no such file.

    Raises:
        CriError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            yield from parse(file)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CriError(
            f"the log {path} cannot be read: {os.strerror(error.errno or 0).lower()}"
        ) from None


def parse(lines: Iterable[bytes]) -> Iterator[LogLine]:
    """The same, of lines. What is no such line is left out."""
    parts: dict[int, list[bytes]] = {1: [], 2: []}
    times: dict[int, float] = {}
    for line in lines:
        when, _, rest = line.partition(b" ")
        stream, _, rest = rest.partition(b" ")
        tag, _, text = rest.partition(b" ")
        number = _STREAMS.get(stream)
        time = _time(when.decode(errors="replace"))
        if number is None or time is None:
            continue
        parts[number].append(text.removesuffix(b"\n"))
        times[number] = time
        if tag.split(b":")[0] != b"P":
            yield LogLine(time=time, stream=number, text=b"".join(parts[number]))
            parts[number].clear()
    for number, texts in parts.items():
        if texts:
            yield LogLine(time=times[number], stream=number, text=b"".join(texts), whole=False)


_STREAMS = {b"stdout": 1, b"stderr": 2}


def _time(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None

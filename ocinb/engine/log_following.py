"""A log read while it is written."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.containers import record_of
from ocinb.engine.log_file import LogChunk, chunk_of, earlier
from ocinb.spec.runtime_state import STOPPED

_LOOK = 0.05
"""Seconds between looks at a log to which nothing was added."""


def follow_log(
    path: str, ended: Callable[[], bool], *, tail: int | None = None
) -> Iterator[LogChunk]:
    """The output kept in a log, then what is added to it, until the container has ended.

    Args:
        ended: whether nobody writes to it any more.
        tail: how many lines of what is there already; None: all.
    """
    with contextlib.ExitStack() as opened:
        reader = _Reader(path, opened)
        # Asked first: what was written before the end is then read.
        over = ended()
        kept = list(reader.new())
        yield from kept if tail is None else last_lines(kept, tail)
        while not over:
            over = ended()
            found = False
            for chunk in reader.new():
                found = True
                yield chunk
            if not found and not over:
                time.sleep(_LOOK)


def last_lines(chunks: Iterable[LogChunk], count: int) -> list[LogChunk]:
    """The chunks of the last lines; a line that has no end yet is one, too."""
    kept: list[LogChunk] = []
    lines = 0
    for chunk in reversed(list(chunks)):
        if chunk.data.endswith(b"\n") or not kept:
            lines += 1
        if lines > count:
            break
        kept.append(chunk)
    return kept[::-1]


def is_quiet(files: ContainerFiles) -> bool:
    """Whether nobody writes to a container's log any more: its monitor does until it is tidy."""
    record = record_of(files)
    if record is None:
        return True
    monitor = files.read_process(files.monitor)
    return record.status == STOPPED and (
        "clean" in read_json(files.exit) or monitor is None or not monitor.alive
    )


class _Reader:
    """Reads a log, the one before it, and the one that is begun when it is full."""

    def __init__(self, path: str, opened: contextlib.ExitStack) -> None:
        self._path = path
        self._opened = opened
        self._file: BinaryIO | None = None
        self._begun = False
        self._rest = b""

    def new(self) -> Iterator[LogChunk]:
        """What was not read yet."""
        if not self._begun:
            self._begun = True
            # The newer one first: should they change places in between, none is passed over.
            self._file = self._open(self._path)
            before = self._open(earlier(self._path))
            if before and self._file and os.path.sameopenfile(before.fileno(), self._file.fileno()):
                before = None
            if before:
                yield from self._read(before)
        while True:
            if self._file is None:
                self._file = self._open(self._path)
            if self._file is None:
                return
            yield from self._read(self._file)
            if not self._replaced(self._file):
                return
            yield from self._read(self._file)
            self._file = None

    def _read(self, file: BinaryIO) -> Iterator[LogChunk]:
        while data := file.read(1 << 16):
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                chunk = chunk_of(line)
                if chunk is not None:
                    yield chunk

    def _replaced(self, file: BinaryIO) -> bool:
        try:
            now = os.stat(self._path)
        except OSError:
            return False
        return not os.path.samestat(now, os.fstat(file.fileno()))

    def _open(self, path: str) -> BinaryIO | None:
        try:
            return self._opened.enter_context(open(path, "rb"))
        except OSError:
            return None

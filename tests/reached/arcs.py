"""Which steps from line to line were taken, noted from inside the most isolated processes.

The runtime's processes close every descriptor, change their root, import nothing more and end by
becoming another program: nothing that coverage.py could write at the end. So each step is a byte
in a file that is mapped into all of them, which a fork inherits and no change of root hides.

This file is copied to where such programs find it; it imports only what they may import.
"""

from __future__ import annotations

import mmap
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = 2048
"""Lines of a file, twice: what is left of a function's first line counts from the middle on."""

_HALF = SIDE // 2
_RESUME = 151  # the operation behind a yield, in Python 3.11


def listed() -> list[str]:
    """The files whose steps are noted, in the order of their places."""
    with open(f"{HERE}/files", encoding="utf-8") as file:
        return file.read().splitlines()


def begin() -> None:
    """Note the steps of this process and of those that it forks.

    Not where coverage.py does it already: a test that imports such a program.
    """
    if sys.gettrace() is not None:
        return
    try:
        with open(f"{HERE}/steps", "r+b") as file:
            seen = mmap.mmap(file.fileno(), 0)
    except OSError:
        return
    places = {path: number * SIDE * SIDE for number, path in enumerate(listed())}
    last: dict[object, int] = {}

    def local(frame: object, event: str, _: object) -> object:
        code = frame.f_code  # type: ignore[attr-defined]
        base = places[code.co_filename]
        before = last.get(frame, code.co_firstlineno + _HALF)
        if event == "line":
            line = frame.f_lineno  # type: ignore[attr-defined]
            seen[base + before * SIDE + line] = 1
            last[frame] = line
        elif event == "return":
            where = frame.f_lasti + 2  # type: ignore[attr-defined]
            if not (where < len(code.co_code) and code.co_code[where] == _RESUME):
                seen[base + before * SIDE + code.co_firstlineno + _HALF] = 1
            last.pop(frame, None)
        return local

    def step(frame: object, _: str, __: object) -> object:
        code = frame.f_code  # type: ignore[attr-defined]
        if code.co_filename not in places:
            return None
        if frame.f_lasti > 0 and code.co_flags & 0x2A0:  # type: ignore[attr-defined]
            last[frame] = frame.f_lineno  # type: ignore[attr-defined]  # a generator goes on
        return local

    sys.settrace(step)


def taken() -> dict[str, set[tuple[int, int]]]:
    """File → steps, as coverage.py has them: a negative line is the outside of a function."""
    found: dict[str, set[tuple[int, int]]] = {}
    with open(f"{HERE}/steps", "rb") as file:
        for number, path in enumerate(listed()):
            for place in _marked(file.fileno(), number * SIDE * SIDE):
                step = tuple(map(_line, divmod(place, SIDE)))
                found.setdefault(path, set()).add(step)  # type: ignore[arg-type]
    return found


def _marked(fd: int, start: int) -> list[int]:
    """Marks of one file, without reading the holes."""
    end, at, found = start + SIDE * SIDE, start, []
    while at < end:
        try:
            data = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        if data >= end:
            break
        at = min(os.lseek(fd, data, os.SEEK_HOLE), end)
        piece = os.pread(fd, at - data, data)
        found += [data - start + offset for offset, mark in enumerate(piece) if mark]
    return found


def _line(place: int) -> int:
    return place if place < _HALF else _HALF - place

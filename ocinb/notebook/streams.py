"""A container's output in a cell: text as it comes, colours kept, nothing else obeyed."""

from __future__ import annotations

import codecs
import re
import sys
from typing import IO

CUT_AFTER = 1_000_000
"""Characters of one container's output that a cell shows; saved notebooks stay small."""

_ESCAPE = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]*)m"  # colours and weight: kept
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # cursor, screen, modes
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links, clipboard, device strings
    r"|\x1b[ -/]*[0-~]"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]{0,4096}\x1b?|[ -/]*)?$")
_CONTROLS = re.compile(r"[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[[0-9;:]*m)")


class SafeText:
    """Turns bytes of a program into text that a front end may be given.

    Escape sequences other than colours are dropped, also where they arrive in pieces; bytes that
    are not UTF-8 become replacement characters. A front end shows stream output as text and never
    as HTML.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """The text of the next bytes; an unfinished escape sequence waits for the rest."""
        text = self._held + self._decoder.decode(data, final)
        waiting = None if final else _UNFINISHED.search(text)
        self._held = text[waiting.start() :] if waiting else ""
        text = text[: waiting.start()] if waiting else text
        text = _ESCAPE.sub(lambda m: m[0] if m["sgr"] is not None else "", text)
        return _CONTROLS.sub("", text)


class CellOutput:
    """Where the attached containers of one cell write: the cell."""

    def __init__(self) -> None:
        self._out, self._err = SafeText(), SafeText()
        self._shown = 0

    def __call__(self, data: bytes, stream: int) -> None:
        """Bytes of standard output (1) or standard error (2)."""
        if stream == 1:
            self._write(sys.stdout, self._out.feed(data))
        else:
            self._write(sys.stderr, self._err.feed(data))

    def _write(self, stream: IO[str], text: str) -> None:
        left = CUT_AFTER - self._shown
        self._shown += len(text)
        if left <= 0 or not text:
            return
        stream.write(text[:left])
        if len(text) > left:
            stream.write("\x1b[0m\n… more than this cell shows; the rest was left out\n")
        stream.flush()

"""Errors in cells: one sentence and a hint, under the exception's own name."""

from __future__ import annotations

from typing import Any

from ocinb.commands.last_error import NONE_YET, in_words, record
from ocinb.commands.tree import as_typed
from ocinb.errors import OcinbError
from ocinb.table import one_line

PROGRAM = "%oci"
"""What a person types before a command."""

RED, DIM, PLAIN = "\x1b[31m", "\x1b[2m", "\x1b[0m"


class ShortErrors:
    """Lets IPython show our errors briefly; keeps the last one for ``%oci debug``.

    Attributes:
        last: that one.
        program: what a person types before a command: ``%oci``, or nothing in a kernel of ours.
    """

    def __init__(self) -> None:
        self.last: OcinbError | None = None
        self.program = PROGRAM

    def install(self) -> None:
        """From now on every ``OcinbError`` is shown by us, wherever in a cell it comes from."""
        shortened: Any = OcinbError

        def render(error: OcinbError) -> list[str]:
            return self.render(error)

        shortened._render_traceback_ = render

    def uninstall(self) -> None:
        """Errors are shown as Python does again."""
        if hasattr(OcinbError, "_render_traceback_"):
            del OcinbError._render_traceback_

    def render(self, error: OcinbError) -> list[str]:
        """The lines to show; IPython calls this."""
        self.last = error
        return lines(error, self.program)

    def traceback(self) -> str:
        """The last error at length."""
        return NONE_YET if self.last is None else str(record(self.last)["traceback"])

    def at_length(self) -> str:
        """What is known of the last error, in words: what kind it is, what led to it, the rule."""
        if self.last is None:
            return NONE_YET
        return "\n".join(in_words(record(self.last), self.program))


def lines(error: OcinbError, program: str = PROGRAM) -> list[str]:
    """An error as a cell shows it; ``program``: see ``ShortErrors``."""
    shown = [f"{RED}{type(error).__name__}: {one_line(error.message)}{PLAIN}"]
    if error.hint:
        shown.append(one_line(as_typed(error.hint, program)))
    if error.citation:
        shown.append(f"{DIM}{one_line(error.citation)}{PLAIN}")
    return shown


def shorten_interrupt(error: KeyboardInterrupt) -> None:
    """Let an interrupted command end the cell with a word in place of a traceback."""
    brief: Any = error
    brief._render_traceback_ = lambda: [f"{RED}interrupted{PLAIN}"]

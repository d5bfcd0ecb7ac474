"""Errors in cells: one sentence and a hint, under the exception's own name."""

from __future__ import annotations

import inspect
import re
import traceback
from typing import TYPE_CHECKING, Any

from ocinb.commands.tree import as_typed
from ocinb.errors import OcinbError
from ocinb.table import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        if self.last is None:
            return "no error yet"
        return "".join(traceback.format_exception(self.last))

    def at_length(self) -> str:
        """What is known of the last error, in words: what kind it is, what led to it, the rule."""
        if self.last is None:
            return "no error yet"
        return "\n".join(_explained(self.last, self.program))


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


def _explained(error: OcinbError, program: str) -> Iterator[str]:
    kind = type(error)
    yield f"{kind.__name__}: {one_line(error.message)}"
    yield f"  {' '.join((inspect.getdoc(kind) or '').partition('Attributes:')[0].split())}"
    for name, value in vars(error).items():
        if name not in _TOLD and value not in (None, (), ""):
            yield f"  {name}: {one_line(str(value))}"
    if error.hint:
        yield f"what to do: {one_line(as_typed(error.hint, program))}"
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield f"because of {type(cause).__name__}: {one_line(str(cause))}"
        cause = cause.__cause__ or cause.__context__
    if error.citation:
        yield f"the rule: {error.citation}"
        yield from _rule(error.citation)
    places = traceback.extract_tb(error.__traceback__)
    if places:
        yield f"raised in {places[-1].filename}:{places[-1].lineno}, {places[-1].name}"
    yield f"{program} debug shows the traceback".lstrip()


def _rule(citation: str) -> Iterator[str]:
    """The address of the section, and what implements it."""
    from ocinb.insight.where import where

    section = re.match(r"\S+ \S+#\S+", citation)
    try:
        rows = where(section[0]).rows if section else []
    except OcinbError:
        return  # a section that no docstring names
    yield f"  {rows[0][4]}"
    for row in rows:
        yield f"  {row[1]} {row[2]}".rstrip()


_TOLD = frozenset({"message", "hint", "citation"})

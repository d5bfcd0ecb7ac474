"""``%oci CMD …`` and ``%%oci CMD …``: the command tree in a cell."""

from __future__ import annotations

import ast
import shlex
import sys
from html import escape
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.commands.values import (
    Exited,
    Heading,
    Help,
    Interactive,
    Json,
    Lines,
    Live,
    Narration,
    Picture,
    Ran,
    Raw,
    Said,
    Stream,
)
from ocinb.errors import CommandError
from ocinb.notebook import live_cells
from ocinb.notebook.diagrams.draw import draw
from ocinb.notebook.errors import ShortErrors, shorten_interrupt
from ocinb.notebook.progress import CellProgress, LinePainter, NoPainter, Painter
from ocinb.notebook.reader import NotebookReader
from ocinb.notebook.streams import CellOutput
from ocinb.notebook.widgets.live import cell_painter, live
from ocinb.settings import Settings
from ocinb.table import Table

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ocinb.notebook.configuration import OCI

_TO_THE_CELL = 2
"""Frames between a magic and who wrote it, whose variables are meant."""


@magics_class
class OciMagics(Magics):
    """The magics of one IPython shell, with one session.

    Attributes:
        session: settings, recorder and engine of this notebook.
        errors: shows errors briefly, keeps the last.
        options: what ``%config OCI`` sets.
    """

    def __init__(
        self, shell: InteractiveShell, session: Session, errors: ShortErrors, options: OCI
    ) -> None:
        super().__init__(shell)
        self.session = session
        self.errors = session.errors = errors
        self.options = options
        self._in_notebook = hasattr(shell, "kernel")
        session.reader = NotebookReader(shell)
        if options.settings() != session.settings:
            self._settle()
        options.on_change(self._configured)

    @no_var_expand
    @line_cell_magic
    def oci(self, line: str, cell: str | None = None) -> Any:
        """OCI images and containers: ``%oci --help`` lists the commands.

        ``%oci CMD?`` shows the help of one. ``x = %oci CMD …`` keeps the result (a DataFrame for
        a listing); a ``;`` at the end shows nothing. The text of a ``%%oci`` cell is the script of
        ``run``, the Dockerfile of ``build``, the JSON of ``bundle edit`` and ``manifest put``.
        ``$name`` and ``{expression}`` are filled in from Python, unless ``%config OCI.expand`` is
        False; ``$$`` is a dollar sign. ``%oci debug`` shows the last error's traceback, ``%oci
        explain`` what the specification says about it.
        """
        typed = line
        if self.options.expand:
            shell: Any = self.shell
            line = shell.var_expand(line, depth=_TO_THE_CELL)
        words = _words(line)
        try:
            value = self.call(words, cell)
            if line.rstrip().endswith(";") and self._is_bare(typed):
                return None
            return self._shown(value)
        except KeyboardInterrupt as error:
            shorten_interrupt(error)
            raise

    def _shown(self, value: Any) -> Any:
        """What the cell has for a command's value."""
        if isinstance(value, Help):
            print(value)  # noqa: T201 - help belongs under the cell, also in its middle
            return None
        if isinstance(value, Live):
            live_cells.show(self.shell, value)
            return None
        if isinstance(value, Interactive):
            if self._in_notebook:
                return live(value, png=self.options.shows_png)
            sys.stderr.write(f"{value.instead}\n")
        return None if isinstance(value, Narration) else for_notebook(value)

    def call(self, words: list[str], cell: str | None) -> Any:
        """The value of a command; what is to be seen meanwhile is seen in the cell."""
        if self._in_notebook:
            self.session.output = CellOutput()
        painter: Painter = cell_painter() if self._in_notebook else LinePainter()
        if not self.options.progress:
            painter = NoPainter()
        with CellProgress(self.session.recorder, painter, self.session.hush) as progress:
            value = tree.call(words, self.session, program=self.errors.program, script=cell)
            self._follow()
            if isinstance(value, Narration):
                self._tell(value, progress)
            if isinstance(value, Ran | Exited) and value.interrupted:
                # The program has ended and is tidied up; the cells below must not run.
                raise KeyboardInterrupt
            return value

    def _configured(self, name: str) -> None:
        if name in Settings._fields:
            self._settle()

    def _settle(self) -> None:
        """Other directories for the session."""
        self.session.move(self.options.settings())

    def _follow(self) -> None:
        """``%config`` tells where a command has led the session, as ``lesson begin`` does."""
        settings = self.session.settings
        if settings.root != self.options.settings().root:
            with self.options.hold_trait_notifications():
                self.options.root = str(settings.root)
                self.options.run_root = str(settings.run_root)

    def _tell(self, narration: Narration, progress: CellProgress) -> None:
        try:
            for part in narration:
                progress.settle()
                _display(part)
        finally:
            narration.close()

    def _is_bare(self, typed: str) -> bool:
        """Whether a magic stands alone, not behind ``x =``; IPython does not tell it.

        The cell is looked at as it was written.

        Args:
            typed: the words of the magic, as they were written.
        """
        shell: Any = self.shell
        try:
            statements = ast.parse(shell.history_manager.input_hist_parsed[-1]).body
        except SyntaxError:
            return True
        calls = [s.value for s in statements if isinstance(s, ast.Expr)]
        arguments = [a for call in calls if isinstance(call, ast.Call) for a in call.args]
        return typed.strip() in {
            str(a.value).strip() for a in arguments if isinstance(a, ast.Constant)
        }


def for_notebook(value: Any) -> Any:
    """A command's value as a notebook has it: a DataFrame for a listing, plain Python for JSON."""
    if isinstance(value, Table | Interactive):
        return (value.table if isinstance(value, Interactive) else value).to_frame()
    if isinstance(value, Picture):
        return draw(value)
    if isinstance(value, Json):
        return value.value
    if isinstance(value, Stream):
        return value.content()
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, Ran):
        return value.container
    if isinstance(value, Exited):
        return value.exit_status or None  # success need not be shown
    return list(value) if isinstance(value, Lines) else value


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line.rstrip().removesuffix(";"))
    except ValueError as error:
        raise CommandError(f"{line.strip()!r}: {str(error).lower()}") from error


def _display(part: Any) -> None:
    from IPython.display import display

    show: Any = display
    if isinstance(part, Heading):
        show({"text/html": f"<h4>{escape(part)}</h4>", "text/plain": f"\n{part}"}, raw=True)
    elif isinstance(part, Said):
        show({"text/html": f"<p>{escape(part)}</p>", "text/plain": str(part)}, raw=True)
    else:
        show(for_notebook(part))

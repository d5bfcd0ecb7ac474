"""The kernel itself: IPython's, with cells that are translated first.

It has everything from there that a notebook needs: streams, displays, widgets, history.
"""

from __future__ import annotations

import difflib
import os
import re
import signal
from typing import TYPE_CHECKING, Any

from ipykernel.ipkernel import IPythonKernel
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

import ocinb
from ocinb.commands import tree
from ocinb.errors import CommandError, ContainerError, OcinbError
from ocinb.kernel import cells
from ocinb.kernel.scripts import Scripts, sweep
from ocinb.notebook import completion, extension
from ocinb.notebook.errors import shorten_interrupt
from ocinb.notebook.streams import CellOutput
from ocinb.table import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.notebook.magics import OciMagics


class OciKernel(IPythonKernel):
    """Cells are commands of ocinb, scripts in containers, or Python; see ``cells``."""

    implementation = "ocinb"
    implementation_version = ocinb.__version__
    banner = f"ocinb {ocinb.__version__}: OCI images and containers. help lists the commands."
    language_info = {  # noqa: RUF012 - the base class has an instance attribute
        "name": "ocinb",
        "version": ocinb.__version__,
        "mimetype": "text/x-sh",
        "codemirror_mode": "shell",
        "pygments_lexer": "bash",
        "nbconvert_exporter": "script",
        "file_extension": ".oci",
    }

    def __init__(self, **values: Any) -> None:
        base: Any = super()
        base.__init__(**values)
        self._runs = False
        self._cell = ""
        shell: Any = self.shell
        self.magics: OciMagics = extension.load(shell)
        self.magics.errors.program = ""
        self.scripts = Scripts(lambda: self.magics.session.engine, self._run, self._asking)
        shell.register_magics(_ScriptMagics(shell, self.scripts))
        shell.input_transformers_cleanup.insert(0, self._translate)
        sweep_quietly(self)

    async def do_execute(self, code: str, *args: Any, **values: Any) -> Any:
        """Run a cell. Of commands, each shows its value, not only the last."""
        shell: Any = self.shell
        kind = cells.parse(code).kind
        shell.ast_node_interactivity = "all" if kind == cells.COMMANDS else "last_expr"
        self._runs, self._cell = True, code
        try:
            base: Any = super()
            return await base.do_execute(code, *args, **values)
        finally:
            self._runs = False

    def do_complete(self, code: str, cursor_pos: int | None) -> Any:
        """Words of commands; in Python what IPython knows."""
        position = len(code) if cursor_pos is None else cursor_pos
        found = cells.command_at(code, position)
        if found is None:
            if cells.parse(code).kind == cells.PYTHON:
                base: Any = super()
                return base.do_complete(code, cursor_pos)
            return _matches([], position, position)
        shell: Any = self.shell
        words = completion.words(f"%oci {found[0]}", lambda: self.magics.session, shell.user_ns)
        fragment, possible = words or ("", [])
        return _matches(possible, position - len(fragment), position)

    def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> Any:
        """The help of the command in whose line the cursor stands."""
        end = code.find("\n", cursor_pos)
        found = cells.command_at(code, len(code) if end < 0 else end)
        if found is None:
            base: Any = super()
            return base.do_inspect(code, cursor_pos, detail_level, omit_sections)
        words = re.findall(r"[a-z][\w-]*", found[0])
        for count in (2, 1):
            try:
                text = tree.call([*words[:count], "--help"], self.magics.session, program="")
            except OcinbError:
                continue
            if len(words) >= count:
                return _told(str(text))
        return _told("")

    def do_is_complete(self, code: str) -> Any:
        """Whether a front end should wait for more lines."""
        if cells.parse(code).kind == cells.PYTHON:
            base: Any = super()
            return base.do_is_complete(cells.python(code))
        return {"status": cells.status(code), "indent": ""}

    def do_shutdown(self, restart: bool) -> Any:
        """End, also for a restart: the containers of cells go, and the widgets."""
        self.scripts.close()
        if _widgets_were_used():
            from ocinb.notebook.widgets.base import close_all

            close_all()
        base: Any = super()
        return base.do_shutdown(restart)

    async def interrupt_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """Interrupt the cell; between cells there is nothing, and SIGINT would end the kernel."""
        if self._runs:
            os.kill(os.getpid(), signal.SIGINT)
        session: Any = self.session
        session.send(stream, "interrupt_reply", {"status": "ok"}, parent, ident=ident)

    def _translate(self, lines: list[str]) -> list[str]:
        """As IPython's transformers are. What a magic makes of the rest of its cell is Python."""
        text = "".join(lines)
        if text.rstrip("\n") != self._cell.rstrip("\n"):
            return lines
        return cells.python(text).splitlines(keepends=True)

    def _run(self, words: list[str], script: str) -> object:
        return self.magics.call(["run", *words], script)

    def _asking(self) -> Callable[[], str | None] | None:
        return self._line if self._allow_stdin else None

    def _line(self) -> str | None:
        try:
            ask: Any = self.raw_input
            return str(ask(""))
        except EOFError:
            return None


@magics_class
class _ScriptMagics(Magics):
    """``%%oci_script``: what ``#!image`` becomes; ``%oci_unknown_line``: what no such line is."""

    def __init__(self, shell: Any, scripts: Scripts) -> None:
        super().__init__(shell)
        self._scripts = scripts

    @cell_magic
    def oci_script(self, line: str, cell: str) -> None:
        """Run the cell in a container that lives as long as the kernel."""
        try:
            status = self._scripts.script(line, cell, CellOutput())
        except KeyboardInterrupt as error:
            shorten_interrupt(error)
            raise
        if status:
            raise ContainerError(f"the script ended with status {status}")

    @no_var_expand
    @line_magic
    def oci_unknown_line(self, word: str) -> None:
        """Tell that nobody knows the word behind ``#!``.

        Raises:
            CommandError: always.
        """
        near = difflib.get_close_matches(word, cells.FIRST_WORDS, n=1)
        raise CommandError(
            f"a cell cannot begin with #!{one_line(word)}",
            hint=f"did you mean #!{near[0]}?"
            if near
            else "#!image NAME runs the cell in a container, #!python runs it as Python",
        )


def sweep_quietly(kernel: OciKernel) -> None:
    """Remove what killed kernels left; trouble with that must not keep this one from starting."""
    try:
        if kernel.magics.session.settings.containers.is_dir():
            sweep(kernel.magics.session.engine)
    except OcinbError as error:
        kernel.log.warning("%s", error.message)


def _matches(words: list[str], start: int, end: int) -> dict[str, Any]:
    return {
        "matches": words,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {},
        "status": "ok",
    }


def _told(text: str) -> dict[str, Any]:
    data = {"text/plain": text} if text else {}
    return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}


def _widgets_were_used() -> bool:
    import sys

    return "ocinb.notebook.widgets.base" in sys.modules

"""The reader's Python: answers are run in it as if they had been typed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


_FILE = "<answer>"


class NotebookReader:
    """The variables of one IPython shell, and how code is run among them."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell: Any = shell

    def names(self) -> dict[str, Any]:
        """The variables."""
        names: dict[str, Any] = self._shell.user_ns
        return names

    def value(self, code: str) -> Any:
        """Run code; the value of its last line.

        That of an expression, of what a last ``name = …`` sets, or the function that a last
        ``def`` defines; None where the last line is anything else.
        """
        value = self.run(code)
        last = (self._parsed(code) or [ast.Pass()])[-1]
        if isinstance(last, ast.FunctionDef | ast.ClassDef):
            return self.names()[last.name]
        if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
            return self.names()[last.targets[0].id]
        return value

    def run(self, code: str) -> Any:
        """Run code as a cell; the value that a cell would show, or None."""
        *before, last = self._parsed(code) or [ast.Pass()]
        names = self.names()
        history = self._shell.history_manager.input_hist_parsed
        history.append(self._shell.transform_cell(code))  # what a magic asks for its own cell
        try:
            exec(compile(ast.Module(before, []), _FILE, "exec"), names)
            if isinstance(last, ast.Expr):
                return eval(compile(ast.Expression(last.value), _FILE, "eval"), names)
            exec(compile(ast.Module([last], []), _FILE, "exec"), names)
        finally:
            history.pop()
        return None

    def _parsed(self, code: str) -> list[ast.stmt]:
        body: list[ast.stmt] = ast.parse(self._shell.transform_cell(code), _FILE).body
        return body

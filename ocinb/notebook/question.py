"""``%oci CMD?``: the help of a command, as IPython shows that of its own magics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_QUESTION = re.compile(r"^(\s*)%{1,2}oci\s+([a-z][\w -]*?)\s*\?{1,2}\s*$")


def install(shell: InteractiveShell) -> None:
    """Understand the question mark from now on."""
    if answer not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(answer)


def uninstall(shell: InteractiveShell) -> None:
    """Leave it to IPython again."""
    if answer in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(answer)


def answer(lines: list[str]) -> list[str]:
    """The lines of a cell, with ``--help`` in the place of the question mark."""
    return [_QUESTION.sub(r"\1%oci \2 --help", line.rstrip("\n")) + "\n" if "?" in line else line
            for line in lines]  # fmt: skip

"""``%load_ext ocinb``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.commands.session import Session
from ocinb.notebook import formatters
from ocinb.notebook.errors import ShortErrors
from ocinb.notebook.magics import OciMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell, session: Session | None = None) -> OciMagics:
    """Register magics, formatters and short errors with this shell."""
    errors = ShortErrors()
    errors.install()
    formatters.install(shell)
    magics = OciMagics(shell, session or Session(), errors)
    shell.register_magics(magics)
    return magics

"""``%load_ext ocinb`` and ``%unload_ext ocinb``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ocinb.commands.session import Session
from ocinb.engine.launcher_process import launcher
from ocinb.errors import UnsupportedHost
from ocinb.notebook import completion, formatters, question
from ocinb.notebook.configuration import OCI, from_environment
from ocinb.notebook.errors import ShortErrors
from ocinb.notebook.magics import OciMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell, session: Session | None = None) -> OciMagics:
    """Register magics, formatters, Tab, settings and short errors with this shell.

    The launcher of containers starts meanwhile, so that the first ``%oci run`` finds it ready.

    Raises:
        UnsupportedHost: there is no shell: this is plain Python.
    """
    if shell is None:
        raise UnsupportedHost(
            "there is no IPython here, so there are no magics",
            hint="plain Python has the same: import ocinb; ocinb.pull(…); or the program ocinb",
        )
    unload(shell)
    errors = ShortErrors()
    errors.install()
    session = session or Session()
    options = OCI(parent=shell, **_unless_configured(shell, from_environment(session.settings)))
    formatters.install(shell, options)
    magics = OciMagics(shell, session, errors, options)
    shell.register_magics(magics)
    configurables: list[Any] = shell.configurables
    configurables.append(options)
    completion.install(shell, lambda: magics.session)
    question.install(shell)
    with contextlib.suppress(OSError):  # whoever needs it first is told why there is none
        launcher()
    return magics


def unload(shell: InteractiveShell) -> None:
    """Undo ``load``; no error where nothing is loaded."""
    magics = shell.magics_manager.registry.pop(OciMagics.__name__, None)
    if magics is None:
        return
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("oci", None)
    shell.configurables[:] = [c for c in shell.configurables if not _is_ours(c)]
    magics.errors.uninstall()
    formatters.uninstall(shell)
    completion.uninstall(shell)
    question.uninstall(shell)


def _unless_configured(shell: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What ``ipython_config.py`` does not say."""
    return {name: value for name, value in values.items() if name not in shell.config[OCI.__name__]}


def _is_ours(configurable: object) -> bool:
    return isinstance(configurable, OCI | OciMagics)

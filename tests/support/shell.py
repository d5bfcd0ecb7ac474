"""An IPython shell with our extension, for tests: no history file, no colours."""

from __future__ import annotations

import atexit
from contextlib import contextmanager

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from ocinb.commands.session import Session
from ocinb.notebook import extension
from ocinb.settings import Settings


@contextmanager
def ipython_shell(directory, config=None):
    """A shell whose images and containers are kept beneath a directory.

    Args:
        directory: an empty one.
        config: as in ``ipython_config.py``.
    """
    config = config or Config()
    config.HistoryManager.enabled = False  # in memory, no file
    shell = InteractiveShell(config=config, ipython_dir=str(directory / "ipython"))
    shell.colors = "nocolor"
    session = Session(Settings(root=directory / "root", run_root=directory / "run"))
    extension.load(shell, session)
    yield shell
    extension.unload(shell)
    atexit.unregister(shell.atexit_operations)
    shell.restore_sys_module_state()

"""The two doors as a person uses them: what is typed, and how a refusal looks there."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from ocinb.commands.session import Session
from ocinb.notebook import extension
from ocinb.settings import Settings

_PROGRESS = re.compile(r"[0-9a-f]{12}  \S.*|warning: .*")


class Answer:
    """What came of a command.

    Attributes:
        failed: whether the program ended with a status other than 0, or the cell failed.
        shown: what was shown of the failure, a string for each line.
        warnings: lines that begin with ``warning:``.
    """

    def __init__(self, failed: bool, text: str) -> None:
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        self.failed = failed
        self.warnings = [line for line in lines if line.startswith("warning: ")]
        self.shown = [line for line in lines if not _PROGRESS.fullmatch(line)]


class ShellDoor:
    """``ocinb …``: a process of its own."""

    program = "ocinb"

    def __init__(self, root: Path, run_root: Path, temporary: Path) -> None:
        self.environment = {
            **os.environ,
            "OCINB_ROOT": str(root),
            "OCINB_RUN_ROOT": str(run_root),
            "TMPDIR": str(temporary),
        }
        self.environment.pop("OCINB_DEBUG", None)

    def __call__(self, *words: object) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "ocinb", *map(str, words)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode != 0, done.stderr)

    def sentence(self, answer: Answer) -> tuple[str, list[str]]:
        """The sentence and the lines below it."""
        first, *rest = answer.shown
        assert first.startswith("ocinb: "), answer.shown
        return first.removeprefix("ocinb: "), rest


class NotebookDoor:
    """``%oci …`` in an IPython shell of this process."""

    program = "%oci"

    def __init__(self, root: Path, run_root: Path, temporary: Path) -> None:
        config = Config()
        config.HistoryManager.enabled = False  # in memory, no file
        config.HistoryManager.hist_file = ":memory:"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("IPYTHONDIR", str(temporary.parent / "ipython"))
            self._shell: Any = InteractiveShell(config=config)
        self._shell.colors = "nocolor"
        session = Session(Settings(root=root, run_root=run_root))
        self._magics = extension.load(self._shell, session)

    def __call__(self, *words: object) -> Answer:
        cell = f"%oci {shlex.join(map(str, words))}"
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            result = self._shell.run_cell(cell, store_history=True)
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r.*?(?=\n)", "", shown.getvalue())
        return Answer(not result.success, text)

    def sentence(self, answer: Answer) -> tuple[str, list[str]]:
        """The sentence and the lines below it."""
        first, *rest = [line for line in answer.shown if not line.startswith("Out[")]
        name, colon, message = first.partition(": ")
        assert colon and name.isidentifier(), answer.shown
        return message, rest

    def close(self) -> None:
        """End the shell."""
        self._magics.errors.uninstall()
        atexit.unregister(self._shell.atexit_operations)
        self._shell.restore_sys_module_state()


@contextlib.contextmanager
def opened(kind: str, root: Path, run_root: Path, temporary: Path) -> Iterator[Any]:
    """The door ``shell`` or ``notebook``, with directories of its own."""
    if kind == "shell":
        yield ShellDoor(root, run_root, temporary)
        return
    door = NotebookDoor(root, run_root, temporary)
    try:
        yield door
    finally:
        door.close()

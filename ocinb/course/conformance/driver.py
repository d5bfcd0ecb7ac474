"""Drives one OCI runtime by its command line, and ends whatever it leaves.

Spec: none (runc convention; the runtime specification names operations, not arguments)
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.linux import flags as f
from ocinb.linux.processes import children
from ocinb.linux.syscalls import Kernel

if TYPE_CHECKING:
    from typing import BinaryIO

PATIENCE = 10.0
"""Seconds that an operation has, and that a container has to do what it was asked for."""
_LOOK = 0.01
_LOGGED = re.compile(r'level=error msg="(.*)"$')
"""How runc says it."""
_TOO_LONG, _NOT_RUN = 124, 127


class Driver:
    """Calls a runtime, and looks at what becomes of its container.

    For a process of its own with one thread: it becomes the subreaper of all that the runtime
    leaves, so that nothing is left when it ends.

    Args:
        argv: the runtime's program, with what comes before all options.
        directory: with the bundle; state and output go there, too.
    """

    def __init__(self, argv: list[str], directory: Path) -> None:
        self.argv = argv
        self.directory = directory
        self.root = directory / "state"
        self.output = directory / "output"
        self.errors = directory / "errors"
        self._stuck = False
        Kernel().prctl(f.PR_SET_CHILD_SUBREAPER, 1)

    def call(self, operation: str, *words: str) -> int:
        """Call an operation; its exit status.

        What it writes goes to files: the container's process holds its streams, so a pipe would
        not end. It has a session of its own, for a runtime may send a signal to the group 0.
        """
        with open(self.output, "ab") as out:
            return self._run(out, operation, *words)

    def create(self, container: str) -> int:
        """``create`` with nothing said before."""
        self.output.write_bytes(b"")
        return self.call("create", "--bundle", str(self.directory), container)

    def state(self, container: str) -> dict[str, Any]:
        """The state document; empty where the runtime says that there is no such container."""
        answer = self.directory / "answer"
        with open(answer, "wb") as out:
            if self._run(out, "state", container):
                return {}
        try:
            document = json.loads(answer.read_bytes())
        except ValueError:
            document = None
        return document if isinstance(document, dict) else {"status": "no JSON object"}

    def said(self) -> str:
        """What the container's program has written."""
        return self.output.read_text(errors="replace")

    def complaint(self) -> str:
        """What the runtime said last on standard error."""
        lines = self.errors.read_text(errors="replace").strip().splitlines()
        if not lines:
            return ""
        logged = _LOGGED.search(lines[-1])
        return logged[1] if logged else lines[-1]

    def await_word(self, word: str) -> bool:
        """Wait until the program has written something; False where it ends or takes too long."""
        end = time.monotonic() + PATIENCE
        while word not in self.said():
            if time.monotonic() > end or not self.any_alive():
                return word in self.said()
            time.sleep(_LOOK)
        return True

    def await_status(self, container: str, status: str) -> dict[str, Any]:
        """The state once it has that status, or when nothing can change it any more."""
        end = time.monotonic() + PATIENCE
        while True:
            over = not self.any_alive() or time.monotonic() > end
            found = self.state(container)
            if found.get("status") == status or not found or over:
                return found
            time.sleep(_LOOK)

    def any_alive(self) -> bool:
        """Whether any child of ours is not a zombie yet."""
        for pid in children(os.getpid()):
            info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if info is None:
                return True
        return False

    def clear(self, container: str) -> None:
        """End what is left of a container, whatever the runtime knows of it."""
        self.call("delete", "--force", container)
        end = time.monotonic() + PATIENCE
        while (left := children(os.getpid())) and time.monotonic() < end:
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            time.sleep(_LOOK)

    def _run(self, out: BinaryIO, operation: str, *words: str) -> int:
        argv = [*self.argv, "--root", str(self.root), operation, *words]
        if self._stuck:  # nobody wants to wait for all the others, too
            return _TOO_LONG
        with open(self.errors, "wb") as err:
            try:
                return subprocess.run(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    timeout=PATIENCE,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                self._stuck = True
                self.errors.write_text(f"{operation} takes longer than {PATIENCE:g} s")
                return _TOO_LONG
            except OSError as error:
                self.errors.write_text(f"{argv[0]}: {(error.strerror or '').lower()}")
                return _NOT_RUN

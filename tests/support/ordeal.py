"""A place of ocinb's on which commands are tried while things go wrong, and what must hold then.

Whatever happened: nothing that was committed is lost, nothing is half there, the next command
works, and ``doctor --repair`` leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from ocinb.content.store import Store
from ocinb.content.verify import faults
from ocinb.settings import Settings
from tests.support.behaviours.leaks import leaks
from tests.support.leftovers import leftovers, unsound
from tests.support.one_command import REFUSED

ROOT = Path(__file__).parents[2]
PATIENCE = 100


@dataclass
class Said:
    """How a command ended.

    Attributes:
        status: of its exit; negative: the signal that killed it.
        error: name and message of our own error; empty where there was none.
        trouble: what it wrote to standard error.
    """

    status: int
    error: tuple[str, str] = ("", "")
    trouble: str = ""


class Ordeal:
    """A store, its containers, and commands on them in processes of their own.

    Args:
        place: an empty directory.

    Attributes:
        root, run_root: where it keeps what it has.
        committed: name → digest of what must not be lost.
        mounts: of the test's own, as ``leftovers`` names them.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.root, self.run_root = place / "root", place / "run"
        self.committed: dict[str, str] = {}
        self.mounts: set[str] = set()

    def begin(self, *words: str, hours: float = 0, **variables: str) -> subprocess.Popen[str]:
        """A command that has imported all it needs and waits to be let go."""
        here = map(str, (self.root, self.run_root, hours))
        process = subprocess.Popen(
            [sys.executable, ROOT / "tests/support/one_command.py", *here, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        )
        assert process.stdout
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        return process

    def go(self, process: subprocess.Popen[str]) -> None:
        """Let it go."""
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()

    def end(self, process: subprocess.Popen[str]) -> Said:
        """Wait for its end."""
        out, trouble = process.communicate(timeout=PATIENCE)
        lines = out.splitlines()
        error = json.loads(lines[-1]) if process.returncode == REFUSED else ("", "")
        return Said(process.returncode, tuple(error), trouble)

    def run(self, *words: str, hours: float = 0, refused: Collection[str] = ()) -> Said:
        """A command that must succeed, or be refused with one of these errors."""
        process = self.begin(*words, hours=hours)
        self.go(process)
        said = self.end(process)
        allowed = said.status == REFUSED and said.error[0] in refused
        assert said.status == 0 or allowed, (words, said)
        return said

    def kill(self, words: tuple[str, ...], seconds: float) -> bool:
        """Kill a command so many seconds after its beginning; whether it was under way."""
        process = self.begin(*words)
        self.go(process)
        time.sleep(seconds)
        process.kill()
        return self.end(process).status < 0

    def seconds(self, *words: str) -> float:
        """How long a command takes that nobody kills."""
        process = self.begin(*words)
        self.go(process)
        start = time.monotonic()
        said = self.end(process)
        assert said.status == 0, (words, said)
        return time.monotonic() - start

    def commit(self) -> None:
        """Remember what is there now, as what must not be lost."""
        self.committed = dict(self._names())

    def check(self, *, changing: Collection[str] = ()) -> None:
        """Fail where something committed is lost, or something visible is not whole.

        Args:
            changing: names that the command was about to set or remove.
        """
        store = Store(self.root / "store")
        assert list(faults(store)) == []
        now = self._names()
        for name, digest in self.committed.items():
            if name not in changing:
                assert now.get(name) == digest, f"{name} is lost"

    def go_on(self, operation: Operation) -> None:
        """Fail where the command that was disturbed does not work now, and leave it undone.

        Where it is refused because its work was done, it is undone and done anew.
        """
        if self.run(*operation.words, refused=operation.refused).status:
            operation.after()
            operation.before()
            self.run(*operation.words)
        operation.after()
        self.check()

    def repair(self) -> None:
        """Remove all containers, repair, and fail where anything is left."""
        self.run("rm", "--all", "--force")
        self.run("doctor", "--repair")
        self.run("gc", "--grace", "0")
        assert unsound(self.root) == []
        assert set(leftovers(self.place)) <= self.mounts
        assert leaks(Settings(root=self.root, run_root=self.run_root)) == []

    def _names(self) -> dict[str, str]:
        store = Store(self.root / "store")
        return {name: str(descriptor.digest) for name, descriptor in store.names.items()}


@dataclass
class Operation:
    """A command that is disturbed.

    Attributes:
        words: the command.
        before: makes the state in which it has something to do.
        changing: names of images that it sets or removes.
        refused: errors with which the same command may be refused afterwards, because it had
            done its work before it was disturbed.
        after: undoes what it did, once it was done.
    """

    words: tuple[str, ...]
    before: Callable[[], object] = lambda: None
    changing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    after: Callable[[], object] = lambda: None

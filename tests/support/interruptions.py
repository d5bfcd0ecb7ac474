"""Commands that go on for minutes, each with what tells that it is well under way.

Interrupted by the tests, which look at what is left, and by ``tests.bench.interrupts``, which
looks at the clock.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.local_registry import Registry
from ocinb.registry.faults import FaultPlan

COMMANDS = ("pull", "push", "build", "run", "exec", "logs -f")

SLOW = 200_000
"""Bytes a second at which the registry lets bodies pass: the image takes twenty seconds."""

_PATIENCE = 30.0
_LOOK = 0.02


class Kitchen:
    """A store with ``demo``, a registry that is slow when it is told to be, a container.

    Attributes:
        root, run_root: of ocinb.
        other: a root without images.
        registry: has ``demo`` too.
    """

    def __init__(self, place: Path, registry: Registry) -> None:
        self.root, self.run_root, self.other = place / "root", place / "run", place / "other"
        self.registry = registry
        self._place = place
        self._asked = 0

    def slowly(self) -> None:
        """From now on bodies trickle."""
        self.registry.faults = FaultPlan(slow=SLOW)

    def quickly(self) -> None:
        """From now on they do not."""
        self.registry.faults = FaultPlan()

    def asked(self) -> None:
        """The registry was asked something."""
        self._asked += 1

    def prepare(self, call: Callable[..., object]) -> None:
        """Fill the registry, and start the container ``box``.

        Args:
            call: runs a command of ocinb.
        """
        call("push", "demo", f"{self.registry.address}/demo")
        call("run", "--detach", "--name", "box", "demo", "sh", "-c", "echo up; exec sleep 600")

    def words(self, command: str) -> tuple[list[str], Callable[[], bool]]:
        """The words of a command, and what tells that it is under way."""
        number = f"600.{secrets.randbelow(10**9):09}"
        address = self.registry.address
        asked = self._asked
        if command == "pull":
            shutil.rmtree(self.other, ignore_errors=True)
            other = ["--root", str(self.other), "pull", f"{address}/demo"]
            return other, self._some_bytes
        if command == "push":
            return ["push", "demo", f"{address}/{number}"], lambda: self._asked > asked + 2
        if command == "logs -f":
            return ["logs", "--follow", "box"], _after(1.0)
        if command == "build":
            (self._place / "Dockerfile").write_text(f"FROM demo\nRUN sleep {number}\n")
            return ["build", "-t", "built", str(self._place)], lambda: runs(number)
        where = ["exec", "box"] if command == "exec" else ["run", "--rm", "demo"]
        return [*where, "sleep", number], lambda: runs(number)

    def _some_bytes(self) -> bool:
        found = 0
        for path in self.other.rglob("*"):
            with contextlib.suppress(OSError):  # it has become a blob meanwhile
                found = max(found, path.stat().st_size if "blobs" not in path.parts else 0)
        return found > 10_000


@contextmanager
def kitchen(place: Path) -> Iterator[Kitchen]:
    """One beneath a directory."""
    store = Store(place / "root/store")
    store.names.set("docker.io/library/demo:latest", demo_image(store))
    made: list[Kitchen] = []
    with Registry(place / "registry", record=lambda _: made[0].asked()) as registry:
        made.append(Kitchen(place, registry))
        yield made[0]


def runs(word: str) -> bool:
    """Whether there is a process with this argument."""
    return bool(pids_of(word))


def pids_of(word: str) -> list[int]:
    """The processes with this argument, those of ocinb itself not among them."""
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError), open(f"/proc/{entry}/cmdline", "rb") as file:
            if file.read().split(b"\0")[:2] == [b"sleep", word.encode()]:
                found.append(int(entry))
    return found


def wait_for(ready: Callable[[], bool]) -> None:
    """Wait until it is so; a few moments more, so that it is in the middle.

    Raises:
        TimeoutError: it did not come to that.
    """
    end = time.monotonic() + _PATIENCE
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError("the command did not come to where it is to be interrupted")
        time.sleep(_LOOK)
    time.sleep(0.3)


def _after(seconds: float) -> Callable[[], bool]:
    due = time.monotonic() + seconds
    return lambda: time.monotonic() >= due

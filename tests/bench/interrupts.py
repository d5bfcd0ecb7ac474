"""From Ctrl-C to the end of the cell, in each command that may take long."""

from __future__ import annotations

import shlex
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.bench.measure import Case, Comparison
from tests.support.interruptions import COMMANDS, Kitchen, kitchen, wait_for
from tests.support.kernel import Kernel, kernel


def comparisons() -> Iterator[Comparison]:
    """One, of all commands; in the kernel, interrupted as by the button of JupyterLab."""
    with ExitStack() as held:
        place = Path(held.enter_context(tempfile.TemporaryDirectory()))
        variables = {"OCINB_ROOT": str(place / "root"), "OCINB_RUN_ROOT": str(place / "run")}
        prepared = held.enter_context(kitchen(place))
        running = held.enter_context(kernel(place, **variables))
        prepared.prepare(lambda *words: running.run(shlex.join(words)))
        cases = [_Interrupted(command, prepared, running).case() for command in COMMANDS]
        yield Comparison("from Ctrl-C to the end of the cell", cases)
        running.run("rm --force box")


class _Interrupted:
    """A command that is interrupted in its middle; only what follows the interrupt is timed."""

    def __init__(self, command: str, prepared: Kitchen, running: Kernel) -> None:
        self._command = command
        self._kitchen = prepared
        self._running = running
        self._pressed = 0.0
        self._ended = 0.0

    def case(self) -> Case:
        return Case(self._command, self._act, before=self._begin, clock=self._clock)

    def _begin(self) -> None:
        self._kitchen.slowly()
        words, ready = self._kitchen.words(self._command)

        def press() -> None:
            wait_for(ready)
            self._pressed = time.perf_counter()
            self._running.interrupt()

        thread = threading.Thread(target=press)
        thread.start()
        self._running.run(shlex.join(words))
        self._ended = time.perf_counter()
        thread.join()
        self._kitchen.quickly()
        self._read = False

    def _act(self) -> None:
        self._read = True

    def _clock(self) -> float:
        return self._ended if self._read else self._pressed

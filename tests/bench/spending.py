"""What a command spends besides time: processor seconds, and memory at its peak."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.measure import Case, Comparison

SAMPLING = 0.005
"""Seconds between two looks at a command's memory; it ends up to as much late."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Spender(Case):
    """A competitor whose processor time and memory are told, too.

    ``act`` gives the KiB that its command had at most, as ``watched`` does.

    Attributes:
        daemon: the process that does the work for the command; 0: it does it itself.
        processor: seconds of processor time, one figure a round.
        memory: KiB at the peak of its largest process, in all rounds.
    """

    daemon: int = 0
    processor: list[float] = field(default_factory=list)
    memory: int = 0

    def round(self) -> float:
        """As ``Case``; the disk is quiet before."""
        self.before()
        os.sync()
        spent, start = self._spent(), time.perf_counter()
        peak = self.act()
        seconds = time.perf_counter() - start
        self.processor.append(self._spent() - spent)
        assert isinstance(peak, int)
        self.memory = max(self.memory, peak, peak_memory(self.daemon))
        return seconds

    def _spent(self) -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = children.ru_utime + children.ru_stime
        if not self.daemon:
            return own
        fields = Path(f"/proc/{self.daemon}/stat").read_text().rpartition(")")[2].split()
        return own + sum(map(int, fields[11:15])) / _TICKS


class Spending(Comparison):
    """A comparison that tells what was spent."""

    def table(self) -> str:
        """As ``Comparison``, then a line for each case."""
        table, lines = super().table(), []
        for case in self.cases:
            assert isinstance(case, Spender)
            seconds = statistics.median(case.processor[1:])
            peak = f"{case.memory / 1024:.0f} MiB at the peak of its largest process"
            lines.append(f"- {case.name}: {seconds:.2f} s of processor time, {peak}")
        self.notes_told = [*self.notes_told, *lines]
        return "\n".join([table, "", *lines])


def watched(*argv: str | Path, environment: Mapping[str, str] | None = None) -> int:
    """Run a command; KiB of memory that it had at most."""
    peak = 0
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(argv, env=environment, stdout=said, stderr=said) as process:
            while process.poll() is None:
                peak = max(peak, peak_memory(process.pid))
                time.sleep(SAMPLING)
        if process.returncode:
            said.seek(0)
            raise AssertionError(f"{argv} failed: {said.read().decode()}")
    return peak


def peak_memory(process: int) -> int:
    """KiB that a process had at most; 0 where there is none.

    What ``wait4`` tells is not less than our own peak, from which the command was forked.
    """
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0

"""Timing things beside each other: in turn, several rounds, medians and spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Case:
    """One competitor in a comparison.

    Attributes:
        name: who does it, and how.
        act: what is timed.
        before: what makes each round start alike; not timed.
        seconds: one figure a round.
        clock: of the wall, or ``time.process_time`` for this process' processor time.
    """

    name: str
    act: Callable[[], object]
    before: Callable[[], object] = lambda: None
    seconds: list[float] = field(default_factory=list)
    clock: Callable[[], float] = time.perf_counter

    def round(self) -> float:
        """Prepare, act, and how long acting took in seconds."""
        self.before()
        start = self.clock()
        self.act()
        return self.clock() - start


@dataclass
class Comparison:
    """The same work done by several; the first case is ours, and ratios are to it.

    Attributes:
        notes: lines to print below the table, made when it is printed.
    """

    title: str
    cases: list[Case]
    notes: Callable[[], list[str]] = list

    def run(self, rounds: int) -> None:
        """A round for warming up that is not counted, then ``rounds``, the cases in turn."""
        for case in self.cases:
            case.round()
        for _ in range(rounds):
            for case in self.cases:
                case.seconds.append(case.round())

    def table(self) -> str:
        """The figures in milliseconds as a Markdown table."""
        ours = statistics.median(self.cases[0].seconds)
        lines = [
            f"### {self.title}",
            "",
            "| | median ms | min | max | × ours |",
            "|---|---:|---:|---:|---:|",
        ]
        for case in self.cases:
            median = statistics.median(case.seconds)
            lines.append(
                f"| {case.name} | {median * 1e3:.1f} | {min(case.seconds) * 1e3:.1f} "
                f"| {max(case.seconds) * 1e3:.1f} | {median / ours:.2f} |"
            )
        notes = self.notes()
        return "\n".join([*lines, *([""] if notes else []), *notes])

    def figures(self) -> dict[str, object]:
        """The figures as JSON values, in seconds."""
        return {"title": self.title, "seconds": {case.name: case.seconds for case in self.cases}}

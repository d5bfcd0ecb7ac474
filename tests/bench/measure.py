"""Timing things beside each other: in turn, several rounds, medians and spread."""

from __future__ import annotations

import math
import random
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
        notes_told: what they were.
    """

    title: str
    cases: list[Case]
    notes: Callable[[], list[str]] = list
    notes_told: list[str] = field(default_factory=list)

    def run(self, rounds: int) -> None:
        """A round for warming up that is not counted, then ``rounds``.

        In each the cases come in another order: who follows a large program finds the caches
        emptied by it.
        """
        for case in self.cases:
            case.round()
        order = random.Random(self.title)
        for _ in range(rounds):
            for case in order.sample(self.cases, len(self.cases)):
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
        notes = self.notes_told = self.notes()
        return "\n".join([*lines, *([""] if notes else []), *notes])

    def figures(self) -> dict[str, object]:
        """The figures as JSON values, in seconds; what the table adds to them in ``notes``."""
        return {
            "title": self.title,
            "seconds": {case.name: case.seconds for case in self.cases},
            "notes": [line.removeprefix("- ") for line in self.notes_told],
        }


@dataclass
class Line:
    """One line of a plot.

    Attributes:
        name: what is done.
        prepare: makes what is done with so many things; not timed.
        seconds: how many things → one figure a round.
    """

    name: str
    prepare: Callable[[int], Callable[[], object]]
    seconds: dict[int, list[float]] = field(default_factory=dict)

    @property
    def growth(self) -> float:
        """The exponent of the size in the time, over the larger half of the sizes.

        The smaller ones tell what it costs at all. 1 is linear.
        """
        points = [(n, statistics.median(found)) for n, found in sorted(self.seconds.items())]
        upper = points[-max(2, (len(points) + 1) // 2) :]
        xs = [math.log(n) for n, _ in upper]
        ys = [math.log(seconds) for _, seconds in upper]
        return statistics.linear_regression(xs, ys).slope


@dataclass
class Scaling:
    """The same work with more and more things.

    Attributes:
        unit: of the sizes, as in ``files``.
    """

    title: str
    unit: str
    sizes: list[int]
    lines: list[Line]

    def run(self, rounds: int) -> None:
        """Size after size: one round for warming up, then ``rounds``, the lines in turn."""
        for size in self.sizes:
            acts = [(line, line.prepare(size)) for line in self.lines]
            for _, act in acts:
                act()
            for _ in range(rounds):
                for line, act in acts:
                    start = time.perf_counter()
                    act()
                    line.seconds.setdefault(size, []).append(time.perf_counter() - start)

    def table(self) -> str:
        """Medians in milliseconds as a Markdown table, and how they grow."""
        lines = [
            f"### {self.title}",
            "",
            f"| {self.unit} | {' | '.join(line.name for line in self.lines)} |",
            f"|---:|{'---:|' * len(self.lines)}",
        ]
        for size in self.sizes:
            cells = (f"{statistics.median(line.seconds[size]) * 1e3:.2f}" for line in self.lines)
            lines.append(f"| {size:,} | {' | '.join(cells)} |")
        grown = "; ".join(f"{line.name}: {line.growth:.2f}" for line in self.lines)
        return "\n".join([*lines, "", f"exponent of the size (1 is linear): {grown}"])

    def figures(self) -> dict[str, object]:
        """The figures as JSON values, in seconds."""
        return {
            "title": self.title,
            "unit": self.unit,
            "scaling": {
                line.name: {str(size): found for size, found in line.seconds.items()}
                for line in self.lines
            },
            "growth": {line.name: round(line.growth, 3) for line in self.lines},
        }

"""Many containers: a hundred at once, five hundred one after the other, and what is left of them.

Needs root and the Debian packages that ``.ci/run`` lists.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ocinb.bundle.options import ContainerOptions
from ocinb.linux.mounts import mounts
from tests.bench.containers import Ground, command, ground
from tests.bench.measure import Case, Comparison
from tests.support.behaviours.leaks import leaks
from tests.support.debian import run
from tests.support.leftovers import leftovers

AT_ONCE, IN_SEQUENCE = 100, 500
AT_A_TIME = 16
"""Threads of our process, and commands of the peers, that start containers at the same moment."""


class Leaks:
    """What there is more of than before."""

    def __init__(self, site: Ground) -> None:
        self.site = site
        self.before = self._count()

    def told(self) -> list[str]:
        """A line: what is left of all containers."""
        gc.collect()
        more = self._count()
        more.subtract(self.before)
        left = len(leaks(self.site.engine.settings)) + len(leftovers(self.site.directory))
        counts = ", ".join(f"{what} {number}" for what, number in sorted(more.items()))
        return [f"left afterwards: {left} things of ours; more than before: {counts}"]

    def _count(self) -> Counter[str]:
        return Counter(
            {
                "mounts": len(mounts()),
                "control groups": sum(1 for _ in Path("/sys/fs/cgroup").glob("*/ocinb-*")),
                "descriptors": len(os.listdir("/proc/self/fd")),
                "zombies": _zombies(),
            }
        )


def _zombies() -> int:
    found = 0
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            found += state == "Z"
    return found


def at_once(site: Ground) -> Comparison:
    """A hundred, begun by as many hands as there are."""
    bundle = site.bundle("true")
    options = ContainerOptions(args=["true"])

    def ours() -> None:
        with ThreadPoolExecutor(AT_A_TIME) as hands:
            jobs = [
                hands.submit(site.engine.run, "demo", options, output=lambda *_: None)
                for _ in range(AT_ONCE)
            ]
            assert [job.result().exit_status for job in jobs] == [0] * AT_ONCE

    def peer(name: str) -> None:
        def one(number: int) -> None:
            run(*command(name), "run", "--bundle", bundle, f"{name}-{number}")

        with ThreadPoolExecutor(AT_A_TIME) as hands:
            list(hands.map(one, range(AT_ONCE)))

    kept = Leaks(site)
    return Comparison(
        f"{AT_ONCE} containers that run true, at most {AT_A_TIME} at a time",
        [
            Case("engine.run", ours),
            Case("crun run", lambda: peer("crun")),
            Case("runc run", lambda: peer("runc")),
        ],
        notes=kept.told,
    )


def in_sequence(site: Ground) -> Comparison:
    """Five hundred, one after the other."""
    bundle = site.bundle("true")
    options = ContainerOptions(args=["true"])

    def ours() -> None:
        for _ in range(IN_SEQUENCE):
            site.engine.run("demo", options, output=lambda *_: None)

    def crun() -> None:
        for number in range(IN_SEQUENCE):
            run(*command("crun"), "run", "--bundle", bundle, f"s{number}")

    kept = Leaks(site)
    return Comparison(
        f"{IN_SEQUENCE} containers that run true, one after the other",
        [Case("engine.run", ours), Case("crun run", crun)],
        notes=kept.told,
    )


def comparisons() -> Iterator[Comparison]:
    """Each of them, to be run before the next is asked for."""
    with ground() as site:
        yield at_once(site)
        yield in_sequence(site)

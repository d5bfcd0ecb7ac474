"""The tables of an image of 50,000 and of 500,000 files: time, and memory in a new process.

The questions are those of ``tests.bench.questions``; each is asked in a process of its own, whose
peak of memory is told, with the index files read anew.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ocinb.engine.engine import Engine
from ocinb.settings import Settings
from tests.bench import questions
from tests.bench.measure import Case, Comparison

FILES = (50_000, 500_000)

_ASK = """
import resource, sys, time
from pathlib import Path
import pandas as pd
from ocinb.engine.engine import Engine
from ocinb.image import Image
from ocinb.settings import Settings
from tests.bench import questions
root, question = sys.argv[1:]
engine = Engine(Settings(root=Path(root, "root"), run_root=Path(root, "run")))
answer = dict(questions.questions(engine))[question]
image = Image(engine, engine.images.get(questions.NAME))
start = time.perf_counter()
answer(image)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


class Asked:
    """A question, with what it took: the process' start is not the question."""

    def __init__(self, root: Path, question: str) -> None:
        self.root, self.question = root, question
        self.took, self.peak = 0.0, 0

    def __call__(self) -> None:
        argv = [sys.executable, "-c", _ASK, str(self.root), self.question]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        seconds, peak = done.stdout.split()
        self.took, self.peak = self.took + float(seconds), max(self.peak, int(peak))


def _clock(asked: Asked) -> float:
    return asked.took


def _peaks(asked: list[Asked]) -> list[str]:
    return [f"- {a.question}: peak memory {a.peak / 1024:.0f} MiB" for a in asked]


def comparisons() -> Iterator[Comparison]:
    """One for each image."""
    for count in FILES:
        with tempfile.TemporaryDirectory(prefix="ocinb-bench-", dir="/var/tmp") as directory:
            root = Path(directory)
            engine = Engine(Settings(root=root / "root", run_root=root / "run"))
            for name, more in _images():
                questions.name_large_image(engine, name, files=count, **more)
                engine.images.unpack(engine.images.get(name))
            asked = [Asked(root, question) for question, _ in questions.questions(engine)]
            notes: Callable[[], list[str]] = partial(_peaks, asked)
            cases = [Case(a.question, a, clock=partial(_clock, a)) for a in asked]
            yield Comparison(f"tables of an image of {count:,} files", cases, notes)


def _images() -> Iterator[tuple[str, dict[str, int]]]:
    yield questions.NAME, {}
    yield "localhost/other:1", {"seed": 4}
    yield "localhost/sibling:1", {"layers": 2}

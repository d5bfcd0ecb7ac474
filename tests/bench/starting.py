"""What importing and starting costs, with a budget for each: more than that is a fault."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench.measure import Case, Comparison
from tests.support.runtimes import OURS

BIN = Path(sys.executable).parent

BUDGETS: dict[str, tuple[float, list[str]]] = {
    "import ocinb": (0.06, [sys.executable, "-c", "import ocinb"]),
    "ocinb --help": (0.4, [str(BIN / "ocinb"), "--help"]),
    "ocinb images (an empty store)": (0.6, [str(BIN / "ocinb"), "--root", "{place}", "images"]),
    "ocinb-runtime --version": (0.06, [*OURS, "--version"]),
    "load_ipython_extension in a shell": (
        1.2,
        [
            *(sys.executable, "-c"),
            "from IPython.core.interactiveshell import InteractiveShell as S; "
            "S().run_line_magic('load_ext', 'ocinb')",
        ],
    ),
}
"""What → seconds that it may take on a quiet machine like ours, and the command."""

FLOORS: dict[str, list[str]] = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -I -S -c pass": [sys.executable, "-I", "-S", "-c", "pass"],
    "import IPython in python": [
        *(sys.executable, "-c"),
        "from IPython.core.interactiveshell import InteractiveShell as S; S()",
    ],
}
"""What there is to be paid in any case."""


def _starting(words: list[str], place: str) -> Callable[[], object]:
    argv = [place if word == "{place}" else word for word in words]
    return partial(subprocess.run, argv, capture_output=True, check=True)


class Budgets(Comparison):
    """A comparison in which each case of ours has a budget."""

    def table(self) -> str:
        """As ``Comparison``, then what is over its budget."""
        lines = []
        for case in self.cases:
            if case.name in BUDGETS:
                budget, best = BUDGETS[case.name][0], min(case.seconds)
                verdict = "within" if best <= budget else "OVER"
                told = f"{best * 1e3:.0f} ms of {budget * 1e3:.0f} ms at best: {verdict}"
                lines.append(f"- budget of {case.name}: {told}")
        table = super().table()
        self.notes_told = lines
        return "\n".join([table, "", *lines])


def comparisons() -> Iterator[Comparison]:
    """One."""
    words = {name: words for name, (_, words) in BUDGETS.items()} | FLOORS
    with tempfile.TemporaryDirectory(prefix="ocinb-bench-") as place:
        cases = [Case(name, _starting(argv, f"{place}/root")) for name, argv in words.items()]
        yield Budgets("importing and starting", cases)

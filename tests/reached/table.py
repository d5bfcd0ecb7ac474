"""``docs/coverage.md``: how much of each room the tests reach, of what coverage.py has counted."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import Any

_BEFORE = """\
# What the tests reach

Made by `make coverage`, which runs all tests, those beside other programs too, and counts in every
process: also in the runtime's own, which are isolated, change their root and become other programs.
A branch is a step from one line to another where there are several.

Tests that the counting itself disturbs — its files need memory, a directory and time — fail there
and are counted as failures; `make test` is what must pass.

"""


def as_markdown(counted: dict[str, Any], outcome: str) -> str:
    """The page.

    Args:
        counted: coverage.py's report in JSON, with branches.
        outcome: of the tests, in words.
    """
    rooms: dict[str, Counter[str]] = {}
    for path, found in counted["files"].items():
        within = PurePath(path).parts
        within = within[within.index("ocinb") + 1 :]
        room = f"{within[0]}/" if len(within) > 1 else "the modules above"
        rooms.setdefault(room, Counter()).update(_figures(found["summary"]))
    rows = sorted(rooms.items(), key=lambda row: (not row[0].endswith("/"), row[0]))
    total = Counter(_figures(counted["totals"]))
    lines = ["| room of `ocinb/` | lines | reached | branches | reached | both |"]
    lines.append("|---|---:|---:|---:|---:|---:|")
    lines += [_row(name, figures) for name, figures in rows]
    lines.append(_row("**all**", total))
    date = counted["meta"]["timestamp"].partition("T")[0]
    return _BEFORE + "\n".join(lines) + f"\n\n{date}: {outcome}.\n"


def _figures(summary: dict[str, int]) -> dict[str, int]:
    names = ("num_statements", "covered_lines", "num_branches", "covered_branches")
    return {name: summary[name] for name in names}


def _row(name: str, figures: Counter[str]) -> str:
    lines, branches = figures["num_statements"], figures["num_branches"]
    reached, taken = figures["covered_lines"], figures["covered_branches"]
    cells = (lines, _percent(reached, lines), branches, _percent(taken, branches))
    both = _percent(reached + taken, lines + branches)
    return f"| {name} | {' | '.join(map(str, cells))} | {both} |"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "—"

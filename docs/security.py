"""Makes ``docs/security.md``: known attack → the line that stops it → the test that tries it.

    python docs/security.py

It reads ``tests/support/attacks.py``, so the table is never written by hand; tests hold that the
committed file is what this program makes, that each line and test is there, and that each attack
works in a copy of the repository without its line.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "security.md"
sys.path.insert(0, str(ROOT))

from tests.support.attacks import ATTACKS, Attack, Line  # noqa: E402 - found by that path

_BEFORE = """\
# Attacks that are known, and what stops them

Made by `python docs/security.py` from `tests/support/attacks.py`.

Each row is tried by a test. `tests/pressure/test_controls.py` proves that the test tries it: it
takes the line out of a copy of the repository, in which the test must fail. Where a row has
several lines, each of them stops the attack alone, and the control takes out all of them.

How to repeat it: `python -m pytest tests/pressure/test_controls.py`, as the superuser.
"""

_AFTER = """
## What is not proved here

- This machine's kernel has neither AppArmor nor SELinux. That labels go to the kernel and to
  nothing else (CVE-2019-16884, CVE-2025-52881) is tried by what may be mounted over `/proc`;
  that a label then holds is not.
- A registry that is trusted can serve an image that does harm as itself: what runs in a
  container is as safe as the options it is run with (`ocinb run --show-config`).
- The control of a race proves that the exchange was quick enough once in twenty attempts; that
  the kernel resolves beneath a root without a race is the kernel's promise (openat2(2)).
"""


def table() -> str:
    """The text of the document."""
    lines = [_BEFORE]
    for subject, attacks in ATTACKS.items():
        lines += [f"## {subject}", "", "| attack | what stops it | tried by |", "|---|---|---|"]
        lines += [_row(attack) for attack in attacks]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n" + _AFTER


def _row(attack: Attack) -> str:
    stops = " ".join([attack.because, "<br>".join(map(_stop, attack.lines))]).lstrip()
    tests = "<br>".join(_tests(attack))
    return f"| **{attack.name}** {attack.how} | {stops} | {tests} |"


def _stop(line: Line) -> str:
    text = line.text.replace("|", "\\|")
    return f"[{line.file}](../{line.file}) {_function(line)}: `{text}`"


def _tests(attack: Attack) -> Iterator[str]:
    for test in (attack.test, *attack.others):
        file, _, name = test.partition("::")
        yield f"[{name}](../{file})"


def _function(line: Line) -> str:
    """The innermost function that holds a line."""
    text = (ROOT / line.file).read_text()
    number = [found.strip() for found in text.splitlines()].index(line.text) + 1
    holders = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.lineno <= number <= (node.end_lineno or 0)
    ]
    return f"`{max(holders, key=lambda node: node.lineno).name}`" if holders else "(a constant)"


if __name__ == "__main__":
    TABLE.write_text(table())

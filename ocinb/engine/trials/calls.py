"""How often a runtime makes each system call, as strace wrote them down.

What the user's program does in the container is not counted: it begins when the container's
process executes it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ARGUMENTS = (
    "strace", "--follow-forks", "--daemonize", "--absolute-timestamps=format:unix,precision:us",
    "--string-limit=0", "--quiet=all", "--signal=none",
)  # fmt: skip
"""The command line in front of a runtime's, but for ``--output``. It traces from a grandchild: the
runtime is a child of ours, and ends when it does."""

_LINE = re.compile(r"(?P<pid>\d+)\s+(?P<time>\d+\.\d+) (?P<call>\w+)\((?P<rest>.*)")
_RESUMED = re.compile(r"(?P<pid>\d+)\s+(?P<time>\d+\.\d+) <\.\.\. execve resumed>.*= 0\b")
_DONE = re.compile(r"= 0\b")


def count(lines: Iterable[str], *, until: float | None = None) -> Counter[str]:
    """System call → how often.

    Args:
        lines: of strace's output.
        until: Unix time after which nothing counts; None: all of it.
    """
    counted: Counter[str] = Counter()
    for line in lines:
        found = _LINE.match(line)
        if found and (until is None or float(found["time"]) <= until):
            counted[found["call"]] += 1
    return counted


def executed(lines: Iterable[str], pid: int, since: float) -> float | None:
    """When a process executed a program, the first one after a time; None: it did not.

    Args:
        since: Unix time.
    """
    for line in lines:
        found = _LINE.match(line) or _RESUMED.match(line)
        if found is None or int(found["pid"]) != pid or float(found["time"]) < since:
            continue
        if found.re is _RESUMED:
            return float(found["time"])
        if found["call"] == "execve" and _DONE.search(found["rest"]):
            return float(found["time"])
    return None

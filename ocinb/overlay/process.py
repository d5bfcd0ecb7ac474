"""Which process: a pid alone may have been given to another one since."""

from __future__ import annotations


def start_time(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 when there is none of that pid.

    With the pid it names a process for as long as the machine runs. A zombie counts as gone.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            stat = file.read()
    except OSError:
        return 0
    # The name stands in parentheses and may hold any character, so the last one counts.
    state, *numbers = stat[stat.rindex(")") + 2 :].split()
    return 0 if state in "ZX" else int(numbers[18])

"""One command of ocinb as a process, which waits for a line before it begins.

    python tests/support/one_command.py ROOT RUN_ROOT HOURS COMMAND…

It says ``ready`` when everything is imported. HOURS are how far its clock is wrong. An error of
ours is a line of JSON and status 3; any other is a traceback.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.errors import OcinbError
from ocinb.settings import Settings

REFUSED = 3


def main(arguments: list[str]) -> int:
    """Run the command; its exit status."""
    root, run_root, hours, *words = arguments
    _set_clock(float(hours) * 3600)
    settings = Settings(root=Path(root), run_root=Path(run_root))
    session = Session(settings, output=lambda *_: None)
    tree.call(["images"], session)  # what is imported late is imported by then
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    try:
        tree.call(words, session)
    except OcinbError as error:
        sys.stdout.write(json.dumps([type(error).__name__, error.message]) + "\n")
        return REFUSED
    return 0


def _set_clock(seconds: float) -> None:
    """Let this process believe that it is another time."""
    if seconds:
        true, true_ns = time.time, time.time_ns
        time.time = lambda: true() + seconds
        time.time_ns = lambda: true_ns() + int(seconds * 1e9)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

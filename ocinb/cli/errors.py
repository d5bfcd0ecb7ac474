"""How an error looks in a shell, and with which status the program ends."""

from __future__ import annotations

import os
import sys
import traceback

from ocinb.commands import exhaustion
from ocinb.errors import OcinbError
from ocinb.table import one_line

INTERNAL = 70
"""Exit status of a fault of our own (``EX_SOFTWARE`` of sysexits.h)."""

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT."""


def report(error: BaseException) -> int:
    """Print one sentence (and the hint) on standard error; the exit status to end with."""
    if isinstance(error, KeyboardInterrupt):
        _say("interrupted", None)
        return INTERRUPTED
    if os.environ.get("OCINB_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, OSError):
        error = exhaustion.told(error) or error
    if isinstance(error, OcinbError):
        _say(error.message, error.hint)
        return int(getattr(error, "exit_status", 1))
    _say(
        f"internal error: {type(error).__name__}: {' '.join(str(error).split())}",
        "set OCINB_DEBUG=1 and report it",
    )
    return INTERNAL


def _say(message: str, hint: str | None) -> None:
    sys.stdout.flush()
    colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    red, dim, plain = ("\033[31m", "\033[2m", "\033[0m") if colours else ("", "", "")
    print(f"{red}ocinb: {one_line(message)}{plain}", file=sys.stderr)
    if hint:
        print(f"{dim}{one_line(hint)}{plain}", file=sys.stderr)

"""Ctrl-C is never lost, and who is asked to end by a signal tidies up first.

Python raises ``KeyboardInterrupt`` wherever the main thread is. Where that is a callback of the
interpreter itself (around ``fork``, in a finalizer) it is printed as "Exception ignored in" and
forgotten: the program would go on as if nobody had pressed the keys.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_SOON = 0.02  # seconds


def keep() -> None:
    """From now on an interrupt that fell into a callback is raised again right behind it."""
    before = sys.unraisablehook

    def hook(unraisable: UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            # Raised from here it would be ignored once more: wait until this has returned.
            again = threading.Timer(_SOON, _thread.interrupt_main)
            again.daemon = True
            again.start()
        else:
            before(unraisable)

    sys.unraisablehook = hook
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    """What is half done is undone on the way out; a second signal does not wait for that."""
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)

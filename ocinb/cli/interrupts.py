"""Ctrl-C is never lost.

Python raises ``KeyboardInterrupt`` wherever the main thread is. Where that is a callback of the
interpreter itself (around ``fork``, in a finalizer) it is printed as "Exception ignored in" and
forgotten: the program would go on as if nobody had pressed the keys.
"""

from __future__ import annotations

import _thread
import sys
import threading
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

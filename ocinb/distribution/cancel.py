"""A flag that ends an operation in all of its threads."""

from __future__ import annotations

import threading

from ocinb.errors import DistributionError


class Cancelled(DistributionError):
    """The operation was stopped, by Ctrl-C or because a part of it failed."""


class Cancel:
    """Set by the thread that a person interrupts; noticed by the threads that work for it.

    Waiting for the network or for a retry ends within ``SLICE`` seconds of ``set``.
    """

    SLICE = 0.1
    """Seconds between two looks at the flag where a wait cannot be woken."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Stop everything that looks at this flag."""
        self._event.set()

    def goes_on(self) -> bool:
        """Whether the operation was not stopped."""
        return not self._event.is_set()

    def check(self) -> None:
        """Raise ``Cancelled`` when the flag is set."""
        if self._event.is_set():
            raise Cancelled("the operation was stopped")

    def sleep(self, seconds: float) -> None:
        """Wait, but not longer than until the flag is set, which raises ``Cancelled``."""
        self._event.wait(seconds)
        self.check()

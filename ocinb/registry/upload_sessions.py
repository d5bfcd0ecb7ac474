"""What is remembered of open uploads between their chunks."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ocinb.content.writer import HashState


class Sessions:
    """Hashes of open uploads, so that a chunk need not read those before it again.

    They are only a short cut: after a restart, or when too many are open, a hash is rebuilt from
    the partial file.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._states: OrderedDict[str, HashState] = OrderedDict()
        self._lock = threading.Lock()
        self._limit = limit

    def take(self, identifier: str) -> HashState | None:
        """The state, which now belongs to the caller."""
        with self._lock:
            return self._states.pop(identifier, None)

    def put(self, identifier: str, state: HashState) -> None:
        """Keep a state for the next chunk."""
        with self._lock:
            self._states[identifier] = state
            while len(self._states) > self._limit:
                self._states.popitem(last=False)

"""What a transfer looks like at a moment: one row for each blob, from the event stream.

The shell and the notebook draw the same model, each in its own way, at its own pace.
"""

from __future__ import annotations

import threading

from ocinb.events import BlobDone, BlobProgress, Event, LayerApplied, LayerUnpacking
from ocinb.frozen import Frozen
from ocinb.table import human_bytes, human_duration

WAITING = "waiting"
DONE = "done"
UNPACKING = "unpacking"
HERE = "already here"
UNPACKED = "unpacked"
FINAL = frozenset({DONE, HERE, UNPACKED})

_SOURCES = {"network": DONE, "store": HERE, "mounted": "mounted there", "registry": "already there"}


class Transfer(Frozen):
    """One blob on its way.

    Attributes:
        digest: of the blob.
        state: waiting, downloading, verifying, uploading, unpacking; then done, already here,
            already there, mounted there, or unpacked.
        done: bytes so far.
        total: bytes of the whole blob.
    """

    digest: str
    state: str
    done: int
    total: int

    @property
    def fraction(self) -> float:
        """0 … 1."""
        return min(self.done / self.total, 1.0) if self.total else 1.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL or self.state.endswith("there")


class Transfers:
    """All blobs of an operation; subscribe it to a recorder. Safe to use from several threads.

    Attributes:
        version: grows with each change, so that a display knows whether to draw again.
    """

    def __init__(self) -> None:
        self.version = 0
        self._lock = threading.Lock()
        self._rows: dict[str, Transfer] = {}
        self._first = 0.0
        self._last = 0.0
        self._moved = 0  # bytes that really crossed the network

    def __call__(self, event: Event) -> None:
        """Take one event; others than those of blobs and layers are ignored."""
        with self._lock:
            if isinstance(event, BlobProgress):
                self._progress(event)
            elif isinstance(event, BlobDone):
                self._done(event)
            elif isinstance(event, LayerUnpacking) and event.digest in self._rows:
                self._change(event.digest, UNPACKING)
            elif isinstance(event, LayerApplied) and event.digest in self._rows:
                self._change(event.digest, HERE if event.reused else UNPACKED)
            else:
                return
            self._first = self._first or event.time
            self._last = event.time
            self.version += 1

    @property
    def rows(self) -> list[Transfer]:
        """The blobs in the order in which they were first heard of."""
        with self._lock:
            return list(self._rows.values())

    @property
    def is_over(self) -> bool:
        """Whether there was something, and all of it is over."""
        rows = self.rows
        return bool(rows) and all(row.is_over for row in rows)

    def summary(self) -> str:
        """One line: ``4 of 6 blobs, 12.3 of 45.6 MB, 8.1 MB/s``."""
        rows = self.rows
        over = sum(row.is_over for row in rows)
        done, total = sum(row.done for row in rows), sum(row.total for row in rows)
        seconds = self._last - self._first
        rate = f", {human_bytes(round(self._moved / seconds))}/s" if self._moved and seconds else ""
        if over < len(rows):
            return f"{over} of {len(rows)} blobs, {human_bytes(done)} of {human_bytes(total)}{rate}"
        moved = f"{human_bytes(self._moved)} transferred" if self._moved else "nothing to transfer"
        return f"{len(rows)} blobs, {moved} in {human_duration(seconds)}{rate}"

    def _progress(self, event: BlobProgress) -> None:
        before = self._rows.get(event.digest)
        if before and (before.is_over or before.state == UNPACKING):
            return  # a late report of another thread
        if event.action in ("downloading", "uploading"):
            self._moved += max(event.done - (before.done if before else 0), 0)
        self._rows[event.digest] = Transfer(
            digest=event.digest, state=event.action, done=event.done, total=event.total
        )

    def _done(self, event: BlobDone) -> None:
        before = self._rows.get(event.digest)
        if event.source == "network":
            self._moved += max(event.size - (before.done if before else 0), 0)
        self._rows[event.digest] = Transfer(
            digest=event.digest,
            state=_SOURCES.get(event.source, DONE),
            done=event.size,
            total=event.size,
        )

    def _change(self, digest: str, state: str) -> None:
        row = self._rows[digest]
        if row.state != HERE or state != HERE:
            self._rows[digest] = Transfer(
                digest=digest, state=state, done=row.total, total=row.total
            )

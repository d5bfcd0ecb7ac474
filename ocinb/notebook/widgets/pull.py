"""Pull progress: a row for each blob, while it moves; afterwards the picture of how it went."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from traitlets import Bool, List, Unicode

from ocinb.notebook.progress import html
from ocinb.notebook.widgets.base import Repeated, Widget
from ocinb.progress import Transfers
from ocinb.table import short_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.events import Event, Recorder

PERIOD = 0.1
"""Seconds between two updates, at least."""
LONGEST_PERIOD = 1.0
SLOWER_AFTER = 30.0
"""Seconds from which on updates become rarer, so that an hour's pull is no flood either."""


class PullProgress(Widget):
    """Watch blobs on their way.

    What changes often, the bytes, is sent as small messages; the rows lie in the model.

    Args:
        transfers: as it is filled by someone else; one of its own if not given.

    Attributes:
        rows: digest, state, bytes, total for each blob.
        summary: one line.
        over: nothing moves any more.
    """

    name = "pull"
    keeps_picture = False

    rows: List[Any] = List().tag(sync=True)
    summary = Unicode("").tag(sync=True)
    over = Bool(False).tag(sync=True)

    def __init__(self, transfers: Transfers | None = None) -> None:
        self._transfers = transfers or Transfers()
        self._drawn = 0
        self._known: list[tuple[str, str]] = []
        self._began = 0.0
        self._due = 0.0
        self._thread: Repeated | None = None
        self._unsubscribe: Callable[[], None] | None = None
        super().__init__()

    def follow(self, recorder: Recorder) -> PullProgress:
        """Take what is recorded from now on, until ``close``; this widget."""
        self._unsubscribe = recorder.subscribe(self._take)
        self._thread = Repeated(self.draw, PERIOD)
        return self

    def draw(self, *, at_once: bool = False) -> None:
        """Send what is new, unless it is too early for that.

        Args:
            at_once: also then.
        """
        now = time.monotonic()
        version = self._transfers.version
        if version == self._drawn or (now < self._due and not at_once):
            return
        self._began = self._began or now
        elapsed = now - self._began
        pause = min(max(PERIOD, PERIOD * elapsed / SLOWER_AFTER), LONGEST_PERIOD)
        self._drawn, self._due = version, now + pause
        rows = self._transfers.rows
        known = [(row.digest, row.state) for row in rows]
        values = [[short_digest(r.digest), r.state, r.done, r.total] for r in rows]
        if known != self._known:
            self._known = known
            with self.hold_sync():
                self.rows, self.summary = values, self._transfers.summary()
                self.over = self._transfers.is_over
        else:
            moving = [[n, r.done] for n, r in enumerate(rows) if not r.is_over and r.done]
            self.send({"moved": moving, "summary": self._transfers.summary()})

    def forms(self) -> dict[str, Any]:
        """The rows as they are now."""
        return {"text/html": html(self._transfers), "text/plain": self._transfers.summary()}

    def close(self) -> None:
        """See ``Widget.close``."""
        if self.closed:
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._thread is not None:
            self._thread.stop()
        self.draw(at_once=True)
        super().close()

    def _take(self, event: Event) -> None:
        self._transfers(event)


class WidgetPainter:
    """Draws a cell's transfers as a widget, of which the last picture stays."""

    def __init__(self) -> None:
        self._widget: PullProgress | None = None

    def paint(self, transfers: Transfers) -> None:
        """Show how things stand now."""
        if self._widget is None:
            self._widget = PullProgress(transfers)
            self._widget._ipython_display_()
        self._widget.draw()

    def leave(self, transfers: Transfers) -> None:
        """Show how they ended; this picture stays."""
        self.paint(transfers)
        if self._widget is not None:
            self._widget.close()
        self._widget = None

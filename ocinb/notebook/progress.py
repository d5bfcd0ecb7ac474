"""Transfers in a cell: one display, drawn again at most ten times a second, plain HTML."""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from ocinb.events import Warned
from ocinb.progress import Transfer, Transfers
from ocinb.table import human_bytes, one_line, short_digest

if TYPE_CHECKING:
    from types import TracebackType

    from ocinb.events import Event, Recorder

PERIOD = 0.12
"""Seconds between two pictures, at least: ten a second at the most, also where some come late."""
MOST = 40
"""Blobs that are drawn."""

_STEP = 80_000  # bytes of pictures after which they become half as frequent

_BAR = (
    "display:inline-block;width:180px;height:7px;border-radius:4px;background:rgba(128,128,128,.25)"
)
_FILL = "height:7px;border-radius:4px;background:#2b7de0"
_CELL = "padding:.15em .9em .15em 0;border:0;white-space:nowrap;background:none;text-align:left"
_MONO = "font-family:monospace"


class Painter(Protocol):
    """Where pictures go."""

    def paint(self, transfers: Transfers) -> None:
        """Show how things stand now."""

    def leave(self, transfers: Transfers) -> None:
        """Show how they ended; this picture stays."""


class CellPainter:
    """Draws in a notebook's cell, again and again in the same place.

    The longer it goes on, the rarer are the pictures: together they stay below a megabyte.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._sent = 0
        self._due = 0.0

    def paint(self, transfers: Transfers) -> None:
        """Show, or show again, as HTML; nothing where it would be too soon."""
        if time.monotonic() >= self._due:
            self._paint(transfers)

    def _paint(self, transfers: Transfers) -> None:
        from IPython.display import display

        bundle = {"text/html": html(transfers), "text/plain": transfers.summary()}
        self._sent += len(bundle["text/html"])
        self._due = time.monotonic() + pause(self._sent)
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(bundle, raw=True)

    def leave(self, transfers: Transfers) -> None:
        """The last picture; the next transfers get a display of their own."""
        self._paint(transfers)
        self._handle = None


class LinePainter:
    """Draws in IPython on a terminal: one line of text that is written over."""

    def paint(self, transfers: Transfers) -> None:
        """Write over the line."""
        sys.stderr.write(f"\r\x1b[K{transfers.summary()}")
        sys.stderr.flush()

    def leave(self, transfers: Transfers) -> None:
        """Leave the line as it is."""
        sys.stderr.write(f"\r\x1b[K{transfers.summary()}\n")


class NoPainter:
    """Draws nothing: ``%config OCI.progress = False``."""

    def paint(self, transfers: Transfers) -> None:
        """Nothing."""

    def leave(self, transfers: Transfers) -> None:
        """Nothing."""


class CellProgress:
    """A context manager that draws while blobs move; nothing is drawn where none do.

    Args:
        recorder: tells of them.
        painter: draws.
        hush: while it is set nothing is drawn; it is cleared at first. Warnings are told all the
            same.
    """

    def __init__(
        self, recorder: Recorder, painter: Painter, hush: threading.Event | None = None
    ) -> None:
        self._recorder = recorder
        self._hush = hush or threading.Event()
        self._painter = painter
        self._transfers = Transfers()
        self._drawn = 0
        self._warnings: list[str] = []
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> CellProgress:
        self._hush.clear()
        self._unsubscribe = self._recorder.subscribe(self._take)
        # The thread takes the context along: by it the kernel knows whose cell is written to.
        self._context = contextvars.copy_context()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._unsubscribe()
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        self.settle()

    def settle(self) -> None:
        """Leave the last picture, if there is one, and begin anew with the next blob."""
        with self._lock:
            if self._transfers.version:
                self._painter.leave(self._transfers)
            self._transfers = Transfers()
            self._drawn = 0
            while self._warnings:
                sys.stderr.write(f"warning: {self._warnings.pop(0)}\n")

    def _take(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._warnings.append(one_line(event.message))
        if not self._hush.is_set():
            self._transfers(event)
            if self._thread is None and self._transfers.version:
                self._begin()

    def _begin(self) -> None:
        """Start to draw: only now, for most commands move no blobs."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._context.run, args=(self._work,), daemon=True
                )
                self._thread.start()

    def _work(self) -> None:
        while not self._over.wait(PERIOD):
            with self._lock:
                if self._transfers.version != self._drawn:
                    self._drawn = self._transfers.version
                    self._painter.paint(self._transfers)


def pause(sent: int) -> float:
    """Seconds until the next picture, when so many bytes were sent."""
    return float(PERIOD * 2 ** (sent // _STEP))


def html(transfers: Transfers) -> str:
    """The picture: a row for each blob, and the sum; of very many blobs those that move.

    Once all is over the rows can be opened.
    """
    rows = transfers.rows
    shown = sorted(rows, key=lambda row: row.is_over)[:MOST]
    kept = {row.digest for row in shown}
    drawn = "".join(_row(row) for row in rows if row.digest in kept)
    more = f"and {len(rows) - MOST:,} more; " if len(rows) > MOST else ""
    table = (
        f'<table style="border-collapse:collapse;font-variant-numeric:tabular-nums">{drawn}</table>'
    )
    summary = escape(more + transfers.summary())
    if transfers.is_over:
        summary = f'<summary style="opacity:.75">{summary}</summary>'
        return f"<details>{summary}{table}</details>"
    return f'{table}<div style="opacity:.75">{summary}</div>'


def _row(row: Transfer) -> str:
    size = human_bytes(row.total)
    if not row.is_over:
        size = f"{human_bytes(row.done)} / {size}"
    bar = f'<div style="{_BAR}"><div style="{_FILL};width:{row.fraction:.0%}"></div></div>'
    cells = (
        (
            f"{_CELL};{_MONO}",
            f'<span title="{escape(row.digest)}">{short_digest(row.digest)}</span>',
        ),
        (_CELL, bar),
        (_CELL, escape(row.state)),
        (f"{_CELL};text-align:right", size),
    )
    made = "".join(f'<td style="{style}">{content}</td>' for style, content in cells)
    return f'<tr style="background:none">{made}</tr>'

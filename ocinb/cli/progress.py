"""Transfers while they happen: a live display on a terminal, a line for each blob elsewhere.

Both go to standard error: standard output belongs to the command's answer.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from ocinb.events import (
    BlobDone,
    BlobProgress,
    BundleWritten,
    Event,
    LayerApplied,
    LayerUnpacking,
    Mounted,
    Warned,
)
from ocinb.progress import Transfer, Transfers
from ocinb.table import human_bytes, one_line, short_digest

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live

    from ocinb.events import Recorder

FRAMES_A_SECOND = 10
BAR_WIDTH = 28

_STYLES = {
    "waiting": "dim",
    "downloading": "blue",
    "uploading": "blue",
    "verifying": "magenta",
    "unpacking": "magenta",
}


class LiveProgress:
    """A context manager that draws while blobs move; nothing is drawn where none do.

    Args:
        recorder: tells of them.
        hush: while it is set nothing is drawn; warnings are told all the same.
    """

    def __init__(self, recorder: Recorder, hush: threading.Event | None = None) -> None:
        self._recorder = recorder
        self._hush = hush or threading.Event()
        self._lock = threading.RLock()
        self._transfers = Transfers()
        self._live: Live | None = None
        self._told: set[str] = set()
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> LiveProgress:
        self._unsubscribe = self._recorder.subscribe(self._take)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._unsubscribe()
        self.settle()

    def settle(self) -> None:
        """End the live display, leave its last picture, and begin anew with the next blob."""
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None
            self._transfers = Transfers()
            self._told.clear()

    def _take(self, event: Event) -> None:
        if isinstance(event, Mounted | BundleWritten):
            self.settle()  # the terminal is the container's from here on
        elif isinstance(event, Warned):
            self._warn(f"warning: {one_line(event.message)}")
        elif self._hush.is_set():
            return
        elif isinstance(event, BlobProgress | BlobDone | LayerUnpacking | LayerApplied):
            with self._lock:
                self._transfers(event)
                if not self._terminal:
                    self._tell()
                elif self._live is None and self._transfers.rows:
                    self._live = self._begin()

    def _warn(self, line: str) -> None:
        with self._lock:
            if self._live is not None:
                self._live.console.print(line, style="yellow", markup=False)
            else:
                print(line, file=sys.stderr, flush=True)

    def _tell(self) -> None:
        for row in self._transfers.rows:
            if row.is_over and row.digest not in self._told:
                self._told.add(row.digest)
                line = f"{short_digest(row.digest)}  {row.state}  {human_bytes(row.total)}"
                print(line, file=sys.stderr, flush=True)

    def _begin(self) -> Live:
        from rich.console import Console
        from rich.live import Live

        live = Live(
            console=Console(stderr=True, highlight=False),
            get_renderable=self._draw,
            refresh_per_second=FRAMES_A_SECOND,
        )
        live.start()
        return live

    def _draw(self) -> Any:
        import rich.table
        from rich.console import Group
        from rich.text import Text

        grid = rich.table.Table.grid(padding=(0, 2, 0, 0))
        for justify in ("left", "left", "left", "right"):
            grid.add_column(justify=justify, no_wrap=True)
        transfers = self._transfers
        for row in transfers.rows:
            grid.add_row(*_cells(row))
        return Group(grid, Text(transfers.summary(), style="dim"))


def _cells(row: Transfer) -> tuple[Any, ...]:
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    style = "green" if row.is_over else _STYLES.get(row.state, "")
    return (
        Text(short_digest(row.digest), style="cyan"),
        ProgressBar(total=1.0, completed=row.fraction, width=BAR_WIDTH),
        Text(row.state, style=style),
        Text(
            human_bytes(row.total)
            if row.is_over
            else f"{human_bytes(row.done)} / {human_bytes(row.total)}"
        ),
    )

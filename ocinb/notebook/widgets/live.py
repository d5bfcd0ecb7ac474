"""Widgets when they are needed: of what a command wants to be worked with, and of transfers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ocinb.errors import UnsupportedHost
from ocinb.notebook.progress import CellPainter

if TYPE_CHECKING:
    from ocinb.commands.values import Interactive
    from ocinb.notebook.progress import Painter
    from ocinb.progress import Transfers


def cell_painter() -> Painter:
    """Draws the transfers of a cell: as a widget where there are any, else as HTML."""
    return _Later() if find_spec("anywidget") is not None else CellPainter()


class _Later:
    """A widget that is imported when there is something to show."""

    def __init__(self) -> None:
        self._painter: Painter | None = None

    def paint(self, transfers: Transfers) -> None:
        """Show how things stand now."""
        if self._painter is None:
            from ocinb.notebook.widgets.pull import WidgetPainter

            self._painter = WidgetPainter()
        self._painter.paint(transfers)

    def leave(self, transfers: Transfers) -> None:
        """Show how they ended; this picture stays.

        What was over before there was a picture needs no widget.
        """
        (self._painter or CellPainter()).leave(transfers)


def live(value: Interactive, *, png: bool = True) -> Any:
    """A new widget; imported now, for it costs 0.2 s that other commands need not pay.

    Args:
        png: whether its picture is one for viewers without SVG too.

    Raises:
        UnsupportedHost: anywidget is not installed.
    """
    if find_spec("anywidget") is None:
        raise UnsupportedHost(
            "widgets need anywidget, which is not installed",
            hint="pip install anywidget where JupyterLab runs; the listings work without",
        )
    widget = _made(value)
    widget.png = png
    return widget


def _made(value: Interactive) -> Any:
    if value.kind == "explorer":
        from ocinb.notebook.widgets.explorer import ImageExplorer

        return ImageExplorer(value.subject)
    if value.kind == "stepper":
        from ocinb.notebook.widgets.stepper import LifecycleStepper

        return LifecycleStepper(value.subject, *value.args)
    if value.kind == "dashboard":
        from ocinb.notebook.widgets.dashboard import Dashboard

        return Dashboard(value.subject)
    from ocinb.notebook.widgets.editor import ConfigEditor

    return ConfigEditor(value.subject)

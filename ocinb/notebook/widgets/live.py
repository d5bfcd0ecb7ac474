"""``live``: the widget of whatever a command wants to be worked with."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ocinb.errors import UnsupportedHost

if TYPE_CHECKING:
    from ocinb.commands.values import Interactive


def live(value: Interactive) -> Any:
    """A new widget; imported now, for it costs 0.2 s that other commands need not pay.

    Raises:
        UnsupportedHost: anywidget is not installed.
    """
    if find_spec("anywidget") is None:
        raise UnsupportedHost(
            "widgets need anywidget, which is not installed",
            hint="pip install anywidget where JupyterLab runs; the listings work without",
        )
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

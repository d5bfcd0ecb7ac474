"""Live views of images, containers and documents; each is a good picture without a kernel, too.

::

    from ocinb.notebook.widgets import ImageExplorer

    explorer = ImageExplorer(ocinb.pull("demo"))  # as %oci explore demo
    explorer  # shows it
    explorer.selected_path  # what is chosen there

A view's names are imported when they are asked for: anywidget takes 0.2 s.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ocinb.notebook.widgets.dashboard import Dashboard
    from ocinb.notebook.widgets.editor import ConfigEditor
    from ocinb.notebook.widgets.explorer import ImageExplorer
    from ocinb.notebook.widgets.pull import PullProgress
    from ocinb.notebook.widgets.stepper import LifecycleStepper

__all__ = ["ConfigEditor", "Dashboard", "ImageExplorer", "LifecycleStepper", "PullProgress"]

_MODULES = {
    "ConfigEditor": "editor",
    "Dashboard": "dashboard",
    "ImageExplorer": "explorer",
    "LifecycleStepper": "stepper",
    "PullProgress": "pull",
}


def __getattr__(name: str) -> object:
    """A widget's class."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

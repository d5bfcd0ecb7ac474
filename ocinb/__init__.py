"""ocinb: the three OCI specifications, live in a notebook.

The walk of one image is the architecture: name → registry → store → layers → mounts → bundle →
runtime → process, and events back up. Each room of the package is one stage of that walk; a room
imports only rooms of lower tiers (``[tool.importlinter]`` in ``pyproject.toml`` holds it).

In Python::

    image = ocinb.pull("localhost:5000/demo")
    image.layers  # a DataFrame
    container = image.run("sh", "-c", "id")
    container.states  # a DataFrame

In a notebook ``%load_ext ocinb``, then ``%oci --help``.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing for it would cost the runtime a third of its start
if TYPE_CHECKING:
    from ocinb.container import Container
    from ocinb.door import (
        diagram,
        load_ipython_extension,
        pull,
        run,
        unload_ipython_extension,
    )
    from ocinb.image import Image
    from ocinb.local_registry import Registry
    from ocinb.workshop import Build

__version__ = "0.1.0"

__all__ = [
    "Build",
    "Container",
    "Image",
    "Registry",
    "diagram",
    "load_ipython_extension",
    "pull",
    "run",
    "unload_ipython_extension",
]

_MODULES = {
    "Build": "ocinb.workshop",
    "Container": "ocinb.container",
    "Image": "ocinb.image",
    "Registry": "ocinb.local_registry",
}


def __getattr__(name: str) -> object:
    """The public names, imported when they are asked for: the runtime must start quickly."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_MODULES.get(name, "ocinb.door")), name)

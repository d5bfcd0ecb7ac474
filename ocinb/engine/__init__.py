"""Containers for people: from a name to a running process, and what is left of it afterwards.

``Engine`` is imported when it is used: the monitor of a container (``shim.py``) is a process of
this room too, and has to be small and quick.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.engine.engine import Engine

__all__ = ["Engine"]


def __getattr__(name: str) -> object:
    if name == "Engine":
        from ocinb.engine.engine import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

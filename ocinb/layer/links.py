"""The walk over symbolic links inside a root, whatever the tree is that they lie in.

An absolute target and ``..`` stay inside the root, as in a chroot: the walk looks at each component
by itself, so the kernel is never asked to follow a link.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

MAX_LINKS = 40
"""Symbolic links followed for one path, as in the kernel."""

_T = TypeVar("_T")


def parts(path: str) -> list[str]:
    """The components of a path as ``walk`` takes them: the last first, without empty ones."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def walk(
    way: list[_T],
    rest: list[str],
    step: Callable[[str], str | None],
    circle: Exception,
    *,
    root: int = 0,
) -> None:
    """Go along a path; links that are met are replaced by the way to their targets.

    Args:
        way: where the walk has come to, a value for each component; changed by ``..``, by links
            to an absolute path, and by ``step``.
        rest: the components that follow, the last first; empty when this returns, so ``step``
            sees from it whether more follows.
        step: looks at a component at the end of the way, and appends to the way what it found;
            or returns the target of the link that it is, to be followed.
        circle: raised where there are more than ``MAX_LINKS`` links.
        root: how many values of the way are the root's own, and stay.
    """
    links = 0
    while rest:
        name = rest.pop()
        if name == "..":
            del way[max(root, len(way) - 1) :]
            continue
        target = step(name)
        if target is None:
            continue
        links += 1
        if links > MAX_LINKS:
            raise circle
        if target.startswith("/"):
            del way[root:]
        rest += parts(target)

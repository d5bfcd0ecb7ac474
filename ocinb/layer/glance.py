"""One directory of a stack of layers, without computing the stack.

``Stack`` knows everything and looks at every entry for it; who asks for the names in one directory
need not wait for that: here a question costs a few binary searches for each layer.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from ocinb.errors import LayerError
from ocinb.layer.index import OPAQUE_FLAG, LayerIndex, order
from ocinb.layer.links import parts, walk
from ocinb.layer.stack import Place, circle

_BEHIND = "\x01"
"""Sorts behind all that lies beneath a directory, in ``index.order``."""


class Glance:
    """Layers one over the other.

    Args:
        layers: the indexes, bottom to top.
    """

    def __init__(self, layers: Sequence[LayerIndex]) -> None:
        self.layers = tuple(layers)

    def kind(self, place: Place) -> str:
        """The letter of an entry's kind; see ``index.LETTERS``."""
        return self.layers[place.layer].kinds[place.row]

    def find(self, path: str) -> Place | None:
        """What is seen at a clean path; None where nothing is. Links are not followed."""
        for layer in reversed(range(len(self.layers))):
            row = _row(self.layers[layer], path)
            if row is not None:
                place = Place(layer, row)
                return None if self.kind(place) == "w" else place
            if self._covers(layer, path):
                return None
        return None

    def children(self, path: str) -> dict[str, Place]:
        """Names in a directory with what is seen there; empty for what is none."""
        found: dict[str, Place] = {}
        hidden: set[str] = set()
        here = self.find(path) if path else None
        if path and (here is None or self.kind(here) != "d"):
            return {}
        for layer in reversed(range(len(self.layers))):
            index = self.layers[layer]
            for name, row in _beneath(index, path):
                if name not in found and name not in hidden:
                    if index.kinds[row] == "w":
                        hidden.add(name)
                    else:
                        found[name] = Place(layer, row)
            own = _row(index, path)
            closed = own is not None and (
                index.kinds[own] != "d" or bool(index.flags[own] & OPAQUE_FLAG)
            )
            if closed or self._covers(layer, path):
                break
        return found

    def resolve(self, path: str) -> str:
        """The real path to which a path leads, links followed inside the stack as in a chroot.

        Raises:
            LayerError: nothing is there, or links lead in a circle.
        """
        real: list[str] = []

        def step(name: str) -> str | None:
            here = "/".join((*real, name))
            place = self.find(here)
            if place is None:
                raise LayerError(f"the image has no /{here}")
            if self.kind(place) == "l":
                return self.layers[place.layer].targets[place.row]
            real.append(name)
            return None

        walk(real, parts(path), step, circle(path))
        return "/".join(real)

    def _covers(self, layer: int, path: str) -> bool:
        """Whether a layer hides what lower layers have at a path by what it has above the path."""
        index = self.layers[layer]
        above, _, _ = path.rpartition("/")
        while path:
            row = _row(index, above)
            if row is not None and (index.kinds[row] != "d" or index.flags[row] & OPAQUE_FLAG):
                return True
            path = above
            above, _, _ = above.rpartition("/")
        return False


def _row(index: LayerIndex, path: str) -> int | None:
    row = bisect_left(index.paths, order(path), key=order)
    return row if row < len(index.paths) and index.paths[row] == path else None


def _beneath(index: LayerIndex, path: str) -> Iterator[tuple[str, int]]:
    """Names directly beneath a directory, with their rows."""
    lead = f"{path}/" if path else ""
    paths = index.paths
    row = bisect_left(paths, order(lead), key=order)
    if not path and row < len(paths) and paths[row] == "":
        row += 1
    while row < len(paths) and paths[row].startswith(lead):
        name = paths[row][len(lead) :].partition("/")[0]
        if paths[row] == lead + name:
            yield name, row
        row = bisect_left(paths, order(lead + name) + _BEHIND, lo=row + 1, key=order)

"""What a stack of layers shows, computed from the indexes of its layers alone.

The one home of added, changed, deleted, of which layer wins a path, and of what is hidden.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from ocinb.errors import LayerError
from ocinb.frozen import Frozen
from ocinb.layer.index import IMPLIED_FLAG, OPAQUE_FLAG, LayerIndex, Row
from ocinb.layer.links import parts, walk

DELETED = "deleted"
REPLACED = "replaced"


class Place(NamedTuple):
    """Where an entry lies: number of the layer, the base being 0, and of the row in its index."""

    layer: int
    row: int


class Loss(NamedTuple):
    """An entry that an upper layer hides.

    Attributes:
        place: the entry.
        layer: the lowest layer that hides it.
        how: ``deleted``, or ``replaced`` where that layer has something of its own there.
        by: the path in that layer that says so: a whiteout, an opaque directory, or an entry at
            or above the path that is no directory.
    """

    place: Place
    layer: int
    how: str
    by: str


class Counts(Frozen):
    """What one layer does to the stack below it, counted in paths.

    Attributes:
        added: paths that the stack below does not show.
        changed: paths that it shows and this layer has too; a directory only where its owner or
            mode are other ones.
        deleted: paths that it shows and that are seen no longer.
    """

    added: int
    changed: int
    deleted: int


class Stack:
    """Layers one over the other, as overlayfs shows them.

    Attributes:
        layers: the indexes, bottom to top.
        shown: path → place of what is seen there; parents before children of the same layer.
        losses: everything that is hidden, in the order of the layers that hide.
        counts: what each layer does, bottom to top.
    """

    def __init__(self, layers: Sequence[LayerIndex]) -> None:
        self.layers = tuple(layers)
        self.shown: dict[str, Place] = {}
        self.losses: list[Loss] = []
        self.counts: list[Counts] = []
        self._children: dict[str, dict[str, None]] = {}
        for number in range(len(self.layers)):
            self.counts.append(self._apply(number))

    def row(self, place: Place) -> Row:
        """An entry."""
        return self.layers[place.layer].row(place.row)

    def attributes(self, path: str) -> Row:
        """The entry whose attributes a path that is shown has, of a hard link its file's.

        A directory has those of the uppermost layer that names it; where none does, it is the
        superuser's, though on disk it is whoever unpacked it who owns it.
        """
        place = self.inode(self.shown[path])
        row = self.row(place)
        if not row.implied:
            return row
        for other in reversed(self.mentions[path]):
            found = self.row(other)
            if other in self._hidden or not _may_be_copied(row.mode, found.mode):
                break
            if not found.implied:
                return found
        return row._replace(uid=0, gid=0)

    def kind(self, place: Place) -> str:
        """The letter of an entry's kind."""
        return self.layers[place.layer].kinds[place.row]

    def _apply(self, number: int) -> Counts:
        index = self.layers[number]
        start = len(self.losses)
        for path, kind, flags in zip(index.paths, index.kinds, index.flags, strict=True):
            if kind == "w":
                self._lose(path, number, path)
            elif flags & OPAQUE_FLAG:
                self._lose_children(path, number, path)
        lost = {self._path(loss.place): n for n, loss in enumerate(self.losses[start:], start)}
        added = changed = 0
        for row, (path, kind) in enumerate(zip(index.paths, index.kinds, strict=True)):
            if kind == "w":
                continue
            place = Place(number, row)
            old = self.shown.get(path)
            if old is None and path not in lost:
                added += 1
            elif old is None:
                changed += self._differs(self._came_back(lost.pop(path)), place)
            elif kind != "d" or self.kind(old) != "d":
                changed += 1
                self.losses.append(Loss(old, number, REPLACED, path))
                self._lose_children(path, number, path)
            else:
                changed += self._differs(old, place)
            self._show(path, kind, place)
        gone = sum(loss.how == DELETED for loss in self.losses[start:])
        return Counts(added=added, changed=changed, deleted=gone)

    def _show(self, path: str, kind: str, place: Place) -> None:
        if path not in self.shown and path:
            parent, _, name = path.rpartition("/")
            self._children[parent][name] = None
        if kind == "d":
            self._children.setdefault(path, {})
        self.shown[path] = place

    def _came_back(self, number: int) -> Place:
        """The layer that deletes it has it, too: it is replaced."""
        loss = self.losses[number]
        self.losses[number] = loss._replace(how=REPLACED)
        return loss.place

    def _differs(self, old: Place, new: Place) -> bool:
        below, above = self.layers[old.layer], self.layers[new.layer]
        if above.kinds[new.row] != "d" or below.kinds[old.row] != "d":
            return True
        if above.flags[new.row] & IMPLIED_FLAG:
            return not _may_be_copied(above.modes[new.row], below.modes[old.row])
        return _identity(below, old.row) != _identity(above, new.row)

    def _lose(self, path: str, layer: int, by: str) -> None:
        place = self.shown.pop(path, None)
        if place is None:
            return
        parent, _, name = path.rpartition("/")
        del self._children[parent][name]
        self.losses.append(Loss(place, layer, DELETED, by))
        self._lose_children(path, layer, by)

    def _lose_children(self, path: str, layer: int, by: str) -> None:
        waiting = [path]
        while waiting:
            directory = waiting.pop()
            for name in self._children.pop(directory, ()):
                child = f"{directory}/{name}" if directory else name
                self.losses.append(Loss(self.shown.pop(child), layer, DELETED, by))
                waiting.append(child)
        if path in self.shown and self.kind(self.shown[path]) == "d":
            self._children[path] = {}

    def _path(self, place: Place) -> str:
        return self.layers[place.layer].paths[place.row]

    def children(self, path: str) -> list[str]:
        """Names in a directory of the stack, sorted; empty for what is none."""
        return sorted(self._children.get(path, ()))

    def beneath(self, path: str) -> Iterator[str]:
        """A path that is shown and all that lies beneath it, in the order of names."""
        waiting = [path] if path in self.shown else []
        while waiting:
            current = waiting.pop()
            yield current
            names = sorted(self._children.get(current, ()), reverse=True)
            waiting += [f"{current}/{name}" if current else name for name in names]

    @cached_property
    def _hidden(self) -> set[Place]:
        return {loss.place for loss in self.losses}

    @cached_property
    def mentions(self) -> dict[str, list[Place]]:
        """Path → all entries of that path, bottom to top; whiteouts among them."""
        found: dict[str, list[Place]] = {}
        for number, index in enumerate(self.layers):
            for row, path in enumerate(index.paths):
                found.setdefault(path, []).append(Place(number, row))
        return found

    @cached_property
    def lost(self) -> dict[str, list[Loss]]:
        """Path → the losses there, bottom to top."""
        found: dict[str, list[Loss]] = {}
        for loss in self.losses:
            found.setdefault(self._path(loss.place), []).append(loss)
        return found

    def inode(self, place: Place) -> Place:
        """The entry that has the content: for a hard link the other name in its layer."""
        index = self.layers[place.layer]
        if index.kinds[place.row] != "h":
            return place
        return Place(place.layer, index.numbers[index.targets[place.row]])

    def resolve(self, path: str, *, follow: bool = True) -> str:
        """The real path to which a path leads, links followed inside the stack as in a chroot.

        Args:
            path: as in the container; ``/`` at its start makes no difference.
            follow: also the last component.

        Raises:
            LayerError: nothing is there, or links lead in a circle.
        """
        real: list[str] = []
        rest = parts(path)

        def step(name: str) -> str | None:
            here = "/".join((*real, name))
            found = self.shown.get(here)
            place = self.inode(found) if found is not None else None
            kind = self.kind(place) if place is not None else ""
            if place is None or (rest and kind not in "dl"):
                raise LayerError(_nothing(path, here))
            if kind == "l" and (rest or follow):
                return self.layers[place.layer].targets[place.row]
            real.append(name)
            return None

        walk(real, rest, step, circle(path))
        return "/".join(real)


def circle(path: str) -> LayerError:
    """What is raised for a path whose links lead in a circle."""
    return LayerError(f"/{path.strip('/')} leads through too many symbolic links")


def _identity(index: LayerIndex, row: int) -> tuple[object, ...]:
    """What makes a directory another one than before."""
    return index.modes[row], index.uids[row], index.gids[row], index.xattrs.get(row)


def _may_be_copied(implied: int, below: int) -> bool:
    """Whether a directory that no entry names can be as it is in the layers below.

    One that hides the lower one is made afresh. The mode tells, where they are not the same; owner
    and special bits do not, for an ordinary user's unpacking keeps none.
    """
    return not (implied ^ below) & 0o777


def _nothing(path: str, here: str) -> str:
    wanted = f"/{path.strip('/')}"
    through = "" if wanted == f"/{here}" else f", to which {wanted} leads"
    return f"the image has no /{here}{through}"

"""Trees to read from: one directory, or layers that are seen as one, without mounting anything.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ocinb.build.unkept import NOTHING, Unkept
from ocinb.errors import UnsafePath
from ocinb.layer import whiteout
from ocinb.layer.changeset import NO_XATTRS
from ocinb.layer.links import parts, walk
from ocinb.overlay.trees import is_opaque

_EMPTY_ROOT = os.stat_result((stat.S_IFDIR | 0o755, *[0] * 9), {"st_mtime_ns": 0})
"""The root of a tree without layers."""

_FUSE_OPAQUE = "user.fuseoverlayfs.opaque"


class Node:
    """A file of a stack.

    Attributes:
        path: in the tree, without a slash at its ends; the root's is empty.
        places: where it lies, the uppermost first; several only for a directory that is merged,
            none for a device that could not be made here.
        status: of the uppermost, links not followed.
        named: extended attributes that its archive names; the disk may not have them.
    """

    __slots__ = ("named", "path", "places", "status")

    def __init__(
        self,
        path: str,
        places: tuple[str, ...],
        status: os.stat_result,
        named: Mapping[str, bytes] = NO_XATTRS,
    ) -> None:
        self.path = path
        self.places = places
        self.status = status
        self.named = named

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def name(self) -> str:
        """The last component of its path."""
        return self.path.rpartition("/")[2]


class Stack:
    """Directories seen as one tree. Nobody may change them meanwhile.

    Args:
        layers: bottom to top; none at all is a tree with nothing in it.
        marks: whether whiteouts and opaque directories in overlayfs' form mean something, as in
            layers; otherwise each file is just what it is, as in somebody's directory.
        unkept: what the directories should have and do not.
    """

    def __init__(
        self, layers: Sequence[Path | str], *, marks: bool = True, unkept: Unkept = NOTHING
    ) -> None:
        self._marks = marks
        self._unkept = unkept
        self.layers = tuple(map(str, layers))
        self.root = self._root()

    def _root(self) -> Node:
        places = self.layers[::-1]
        if not places:
            return Node("", (), _EMPTY_ROOT)
        return Node("", places, os.lstat(places[0]), self._named(places[0]))

    def over(self, upper: Path | str) -> Stack:
        """This stack with one more directory on top."""
        return Stack([*self.layers, upper], marks=self._marks, unkept=self._unkept)

    def below(self, count: int) -> Stack:
        """The lowest layers of this stack alone."""
        return Stack(self.layers[:count], marks=self._marks, unkept=self._unkept)

    def child(self, parent: Node, name: str) -> Node | None:
        """What a name in a directory is, or None where nothing of that name shows."""
        path = f"{parent.path}/{name}" if parent.path else name
        found: list[str] = []
        top: os.stat_result | None = None
        for directory in parent.places:
            place = f"{directory}/{name}"
            device = self._unkept.devices.get(place)
            if device is not None:
                if top is None:
                    return Node(path, (), device)
                break
            try:
                status = os.lstat(place)
            except FileNotFoundError:
                if self._marks and os.path.lexists(f"{directory}/{whiteout.PREFIX}{name}"):
                    break
                continue
            if self._marks and whiteout.is_device(status.st_mode, status.st_rdev):
                break
            if not stat.S_ISDIR(status.st_mode):
                if top is None:
                    return Node(path, (place,), status, self._named(place))
                break
            found.append(place)
            top = top or status
            if self._marks and _hides_below(place):
                break
        return Node(path, tuple(found), top, self._named(found[0])) if top is not None else None

    def children(self, parent: Node) -> list[Node]:
        """What a directory shows, in the order of the names' bytes."""
        names: set[str] = set()
        for directory in parent.places:
            names.update(_names(directory), self._unkept.names.get(directory, ()))
        if self._marks:
            names = {name for name in names if not name.startswith(whiteout.PREFIX)}
        nodes = (self.child(parent, name) for name in sorted(names, key=os.fsencode))
        return [node for node in nodes if node is not None]

    def _named(self, place: str) -> Mapping[str, bytes]:
        return self._unkept.xattrs.get(place, NO_XATTRS)

    def find(self, path: str) -> Node | None:
        """What a real path is; links are not followed."""
        node: Node | None = self.root
        for name in reversed(parts(path)):
            if node is None or not node.is_directory:
                return None
            node = self.child(node, name)
        return node

    def resolve(self, path: str, *, last: bool = True) -> str:
        """The real path of a path in this tree: links are followed, and never lead out of it.

        What is not there is kept as it stands.

        Args:
            last: whether the last component is followed, too.

        Raises:
            UnsafePath: links lead in a circle.
        """
        done: list[Node | str] = []
        todo = parts(path)

        def step(name: str) -> str | None:
            parent = done[-1] if done else self.root
            node = None
            if isinstance(parent, Node) and parent.is_directory:
                node = self.child(parent, name)
            if node is None or not node.is_link or not (todo or last):
                done.append(node or name)
                return None
            return os.readlink(node.places[0])

        circle = UnsafePath(f"{path!r} leads through too many symbolic links")
        walk(done, todo, step, circle)
        return "/".join(part.name if isinstance(part, Node) else part for part in done)

    def follow(self, path: str) -> Node | None:
        """What a path is once links are followed inside the tree; None where nothing is."""
        return self.find(self.resolve(path))

    def read(self, path: str, limit: int) -> bytes:
        """The beginning of a regular file, links followed; empty where there is none."""
        node = self.follow(path)
        if node is None or not node.is_file:
            return b""
        with suppress(OSError), open(node.places[0], "rb") as file:
            return file.read(limit)
        return b""


def _hides_below(directory: str) -> bool:
    if is_opaque(directory) or os.path.lexists(f"{directory}/{whiteout.OPAQUE_NAME}"):
        return True
    try:
        return os.getxattr(directory, _FUSE_OPAQUE) == whiteout.OPAQUE_VALUE
    except OSError:
        return False


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except PermissionError:
        mode = stat.S_IMODE(os.lstat(directory).st_mode)
        os.chmod(directory, mode | 0o700)  # an ordinary user's own, without rwx
        try:
            return os.listdir(directory)
        finally:
            os.chmod(directory, mode)

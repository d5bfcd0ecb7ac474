"""Putting files into an image without running anything: the entries of one layer over others.

Spec: image-spec layer.md#representing-changes
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import stat
from collections.abc import Iterable

from ocinb.build.facts import Owners, entry_of, readable
from ocinb.build.stack import Node, Stack
from ocinb.errors import BuildError
from ocinb.layer import changeset
from ocinb.layer.changeset import Entry


@dataclasses.dataclass(frozen=True, slots=True)
class Dress:
    """What placed files look like, in place of how they are where they come from.

    Attributes:
        owner: user and group; None keeps those of the source.
        mode: permission bits of files and directories; None keeps those of the source.
    """

    owner: tuple[int, int] | None = (0, 0)
    mode: int | None = None


class Placing:
    """One layer in the making.

    Args:
        below: what the layers below show.
        owners: who owns what there.
        now: the time of directories that are made on the way, seconds since the epoch.
        replace: whether a file may take the place of a directory and the other way round, as in
            an archive; otherwise that is an error, as with ``cp``.
    """

    def __init__(self, below: Stack, owners: Owners, now: int, *, replace: bool = False) -> None:
        self._below = below
        self._owners = owners
        self._mtime = now * 10**9
        self._replace = replace
        self._entries: dict[str, Entry] = {}
        self._links: dict[tuple[int, int], str] = {}
        self._sources: set[str] = set()  # placed because something in them is

    @property
    def entries(self) -> list[Entry]:
        """The entries, parents before what is in them; names that share a file after its first."""
        return sorted(self._entries.values(), key=_order)

    def real(self, path: str) -> str:
        """Where a path of the image leads, links of the layers below followed."""
        return self._below.resolve(path)

    def is_directory(self, path: str) -> bool:
        """Whether a real path is a directory, in this layer or below."""
        return self._kind(path) == changeset.DIRECTORY

    def directory(self, path: str, dress: Dress) -> None:
        """A directory at a real path; one that is there stays as it is.

        Raises:
            BuildError: something else is there.
        """
        if self.is_directory(path):
            self._with_parents(path)
            return
        self._check(path, changeset.DIRECTORY)
        self._parents(path)
        uid, gid = dress.owner or (0, 0)
        mode = 0o755 if dress.mode is None else dress.mode
        self._put(Entry(path, changeset.DIRECTORY, mode, uid, gid, self._mtime))

    def text(self, path: str, data: bytes, dress: Dress) -> None:
        """A file with these bytes at a real path."""
        self._check(path, changeset.FILE)
        self._parents(path)
        uid, gid = dress.owner or (0, 0)
        mode = 0o644 if dress.mode is None else dress.mode
        entry = Entry(path, changeset.FILE, mode, uid, gid, self._mtime)
        self._put(dataclasses.replace(entry, size=len(data), source=data))

    def copy(self, source: Node, path: str, dress: Dress, owners: Owners | None = None) -> None:
        """One file, or one directory without what is in it, at a real path.

        Args:
            owners: who owns the source, where ``dress`` keeps its owner.

        Raises:
            BuildError: a directory is there and this is none, or the other way round.
        """
        made = entry_of(source, owners or Owners())
        if made is None:
            return  # a socket
        self._check(path, made.kind)
        self._parents(path)
        entry = dataclasses.replace(made, path=path)
        if dress.owner is not None:
            entry.uid, entry.gid = dress.owner
        if dress.mode is not None and made.kind != changeset.SYMLINK:
            entry.mode = dress.mode
        if not source.is_directory and source.status.st_nlink > 1:
            inode = (source.status.st_dev, source.status.st_ino)
            first = self._links.setdefault(inode, path)
            if first != path and first in self._entries:
                entry = dataclasses.replace(
                    entry, kind=changeset.HARDLINK, linkname=first, size=0, source=None,
                    xattrs=changeset.NO_XATTRS,
                )  # fmt: skip
        self._put(entry)

    def tree(
        self, tree: Stack, source: Node, path: str, dress: Dress, owners: Owners | None = None
    ) -> None:
        """What is in a directory, into a directory at a real path.

        A link below that leads to a directory is followed, so that ``bin/tool`` lands in
        ``usr/bin`` where ``bin`` is a link to it.
        """
        for child in tree.children(source):
            target = f"{path}/{child.name}" if path else child.name
            if not child.is_directory:
                self.copy(child, target, dress, owners)
                continue
            if self._kind(target) == changeset.SYMLINK:
                real = self.real(target)
                if self.is_directory(real):
                    target = real
            self.copy(child, target, dress, owners)
            self.tree(tree, child, target, dress, owners)

    def _kind(self, path: str) -> str | None:
        if path in self._entries:
            return self._entries[path].kind
        node = self._below.find(path)
        entry = entry_of(node, self._owners) if node else None
        return entry.kind if entry else None

    def _check(self, path: str, kind: str) -> None:
        there = self._kind(path)
        if self._replace or there is None:
            return
        if there == changeset.DIRECTORY and kind != changeset.DIRECTORY:
            raise BuildError(f"/{path} is a directory in the image, and would become a {kind}")
        if kind == changeset.DIRECTORY and there != changeset.DIRECTORY:
            raise BuildError(f"/{path} is a {there} in the image, and would become a directory")

    def _parents(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if path:
            self._with_parents(parent)

    def _with_parents(self, path: str) -> None:
        """Name a directory and those above it: as they are below, or new and the superuser's."""
        if path in self._entries:
            if self._entries[path].kind != changeset.DIRECTORY:
                raise BuildError(f"/{path} is no directory, so nothing can be put into it")
            return
        self._parents(path)
        node = self._below.find(path)
        if node is None:
            if path:
                self._put(Entry(path, changeset.DIRECTORY, 0o755, mtime=self._mtime))
            return
        if not node.is_directory:
            raise BuildError(f"/{path} is no directory in the image, so nothing can be put into it")
        if path and node.places:
            entry = entry_of(node, self._owners, node)
            assert entry is not None  # a directory has one
            self._put(entry)

    def _put(self, entry: Entry) -> None:
        before = self._entries.get(entry.path)
        if before is not None and before.kind == changeset.FILE:
            self._promote(before)
        self._entries[entry.path] = entry

    def _promote(self, gone: Entry) -> None:
        """Its first other name becomes the file, for another file takes its place."""
        others = [
            entry
            for entry in self._entries.values()
            if entry.kind == changeset.HARDLINK and entry.linkname == gone.path
        ]
        for entry in others[:1]:
            self._entries[entry.path] = dataclasses.replace(gone, path=entry.path)
            self._links = {
                inode: entry.path if first == gone.path else first
                for inode, first in self._links.items()
            }
        for entry in others[1:]:
            entry.linkname = others[0].path


def _order(entry: Entry) -> tuple[bool, list[str]]:
    return entry.kind == changeset.HARDLINK, entry.path.split("/")


def content_digest(entries: Iterable[Entry]) -> str:
    """What entries would make of a tree, as a text: everything but the times.

    Raises:
        OSError: a file cannot be read.
    """
    total = hashlib.sha256()
    for entry in entries:
        content = b""
        if isinstance(entry.source, bytes):
            content = hashlib.sha256(entry.source).digest()
        elif entry.source is not None:
            with readable(entry.source), entry.source.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
        facts = [
            entry.path, entry.kind, stat.S_IMODE(entry.mode), entry.uid, entry.gid, entry.linkname,
            entry.device, sorted((name, value.hex()) for name, value in entry.xattrs.items()),
            content.hex(),
        ]  # fmt: skip
        total.update(json.dumps(facts).encode())
    return total.hexdigest()

"""The index of a layer, put together while its entries are applied.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping

from ocinb.errors import LimitExceeded
from ocinb.layer import changeset
from ocinb.layer.attributes import Keeps, Kept
from ocinb.layer.changeset import Entry
from ocinb.layer.index import Fields, LayerIndex, from_rows

LIMIT = 512 << 20
"""Bytes of paths, link targets and attributes that are remembered of one layer."""

_INT64 = 1 << 63

_KINDS = {
    stat.S_IFREG: changeset.FILE,
    stat.S_IFDIR: changeset.DIRECTORY,
    stat.S_IFLNK: changeset.SYMLINK,
    stat.S_IFIFO: changeset.FIFO,
    stat.S_IFCHR: changeset.CHAR,
    stat.S_IFBLK: changeset.BLOCK,
}


class IndexBuilder:
    """Told what is made in a layer's directory, in that order, by real paths.

    Args:
        limit: bytes of names that may be remembered; an archive of nothing but long names must
            not fill the memory.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        # A key that is a pair marks a place in time: what lay beneath its path is gone.
        self._rows: dict[str | tuple[str, int], Fields] = {}
        self._xattrs: dict[str, Mapping[str, bytes]] = {}
        self._inodes: dict[str, int] = {}  # names of files that have several
        self._origins: list[str] = []  # of each such file the name that it had first
        self._cleared = 0
        self._left = limit

    def put(self, path: str, entry: Entry) -> None:
        """An entry of the archive was made at its real path."""
        kind = entry.kind
        target = entry.linkname
        if kind in (changeset.CHAR, changeset.BLOCK):
            target = "{}:{}".format(*entry.device)
        row = (
            path, kind, entry.mode, entry.uid, entry.gid, entry.size, _time(entry.mtime),
            target, False, False,
        )  # fmt: skip
        self._put(path, row, entry.xattrs)

    def put_implied(self, path: str) -> None:
        """A directory that the archive does not name was made; ``build`` is told its attributes."""
        self._put(path, (path, changeset.DIRECTORY, 0, 0, 0, 0, 0, "", False, True))

    def put_copy(self, path: str, status: Kept, kind: int, size: int, target: str) -> None:
        """Something of a lower layer was copied up; ``kind`` is the type of its mode."""
        row = (
            path, _KINDS[kind], status.mode, status.uid, status.gid, size,
            _time(status.mtime), target, False, False,
        )  # fmt: skip
        self._put(path, row, status.xattrs)

    def link(self, path: str, source: str) -> None:
        """A hard link was made to what is at ``source``."""
        self._put(path, (path, *self._rows[source][1:]), self._xattrs.get(source))
        if source not in self._inodes:
            self._inodes[source] = len(self._origins)
            self._origins.append(source)
        self._inodes[path] = self._inodes[source]

    def drop(self, path: str) -> None:
        """What was made at a path is not there any more, and nothing was beneath it."""
        self._rows.pop(path, None)
        self._xattrs.pop(path, None)
        self._inodes.pop(path, None)

    def clear(self, path: str) -> None:
        """A directory that had something beneath it is gone."""
        self.drop(path)
        self._cleared += 1
        self._rows[path, self._cleared] = (path, "", 0, 0, 0, 0, 0, "", False, False)

    def build(
        self, directories: Mapping[str, Keeps], whiteouts: Iterable[str], opaque: Iterable[str]
    ) -> LayerIndex:
        """The index, once the layer is complete.

        Args:
            directories: real path → attributes.
            whiteouts: real paths that are marked as removed.
            opaque: real paths of directories that hide lower ones.
        """
        rows = dict(self._alive())
        hiding = set(opaque)
        for path in ["", *[path for path, row in rows.items() if row[1] == changeset.DIRECTORY]]:
            row = rows.get(path)
            kept = directories[path] if path in directories else _as_kept(row)
            rows[path] = (
                path, changeset.DIRECTORY, kept.mode, kept.uid, kept.gid, 0, _time(kept.mtime), "",
                path in hiding, row[9] if row else not isinstance(kept, Entry),
            )  # fmt: skip
            if kept.xattrs:
                self._xattrs[path] = kept.xattrs
        for path in whiteouts:
            rows.setdefault(path, (path, changeset.WHITEOUT, 0, 0, 0, 0, 0, "", False, False))
        self._name_links(rows)
        return from_rows(rows, self._xattrs)

    def _put(self, path: str, row: Fields, xattrs: Mapping[str, bytes] | None = None) -> None:
        self._left -= len(path) + len(row[7])
        if path in self._rows:
            self.drop(path)  # so that the order is that of making
        if xattrs:
            self._xattrs[path] = dict(xattrs)
            self._left -= sum(len(name) + len(value) for name, value in xattrs.items())
        if self._left < 0:
            raise LimitExceeded(
                "its paths and attributes are more than this machine should remember",
                hint="a bomb of long names does that",
            )
        self._rows[path] = row

    def _alive(self) -> Iterator[tuple[str, Fields]]:
        """What was not beneath a directory that was removed afterwards."""
        if not self._cleared:
            yield from self._rows.items()  # type: ignore[misc]
            return
        gone: set[str] = set()
        for key, row in reversed(self._rows.items()):
            if isinstance(key, tuple):
                gone.add(row[0])
            elif not _beneath(key, gone):
                yield key, row

    def _name_links(self, rows: dict[str, Fields]) -> None:
        """Of the names of one file, the first is the file, and the others link to it."""
        files: dict[int, str] = {}
        for path, inode in self._inodes.items():
            if path not in rows:
                continue
            origin = self._origins[inode]
            if self._inodes.get(origin) == inode and origin in rows:
                files[inode] = origin
            first = files.setdefault(inode, path)
            if first != path:
                _, _, mode, uid, gid, size, mtime, *_ = rows[path]
                rows[path] = (
                    path, changeset.HARDLINK, mode, uid, gid, size, mtime, first, False, False
                )  # fmt: skip


def _time(nanoseconds: int) -> int:
    if -_INT64 <= nanoseconds < _INT64:
        return nanoseconds
    return max(-_INT64, min(nanoseconds, _INT64 - 1))


def _as_kept(row: Fields | None) -> Kept:
    return Kept(row[2], row[3], row[4], row[6]) if row else Kept(0o755, 0, 0, 0)


def _beneath(path: str, directories: set[str]) -> bool:
    while path:
        path = path.rpartition("/")[0]
        if path in directories:
            return True
    return False

"""A layer in a directory of its own, as overlayfs wants it.

What the archive takes for granted from lower layers is looked up there: a parent that it does not
name keeps the attributes it has below, a parent that is a link below is followed, a file that a
hard link names is copied up.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from ocinb.errors import LayerError
from ocinb.layer import whiteout
from ocinb.layer.apply import Applier
from ocinb.layer.attributes import Keeps, Kept
from ocinb.layer.changeset import Entry, Limits
from ocinb.layer.index import LayerIndex
from ocinb.layer.index_builder import IndexBuilder
from ocinb.layer.lowers import Found, Lowers
from ocinb.layer.safe_path import Directory
from ocinb.layer.tar_reader import TarReader

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class OverlayApplier(Applier):
    """Applies a changeset to an empty directory that is to be stacked on others.

    Args:
        lowers: directories of the layers below, bottom to top; None where they are not known.
        user_xattrs: mark opaque directories for a ``userxattr`` mount.

    Attributes:
        index: what the directory holds, once it is finished.
    """

    index: LayerIndex

    def __init__(
        self,
        target: Path,
        reader: TarReader,
        limits: Limits,
        what: str,
        lowers: Sequence[Path] | None,
        user_xattrs: bool,
    ) -> None:
        super().__init__(target, reader, limits, what)
        self._lowers = Lowers(lowers or ())
        self._lowers_known = lowers is not None
        self._user_xattrs = user_xattrs
        self._opaque: set[str] = set()
        self._removed: set[str] = set()
        self._inherited: set[str] = set()  # directories that no entry named, as they are below
        self._links: set[str] = set()  # links of lower layers that were followed
        self._builder = IndexBuilder()
        top = self._lowers.root()
        self._directories[""] = Kept.of(top.status, top.xattrs()) if top else self.default()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._lowers.close()
        super().__exit__(kind, error, _)

    def missing(self, directory: Directory, name: str, status: os.stat_result | None) -> str | None:
        """Make a parent as it is in the layers below, or follow it there where it is a link."""
        path = directory.child(name)
        if status is not None:
            if not self.removing and whiteout.is_device(status.st_mode, status.st_rdev):
                os.unlink(name, dir_fd=directory.fd)
                self.make_directory(directory, name, self.default())
                self.over(directory, name)
            return None
        below = self._below(path)
        if below is None:
            if not self.removing:
                self.make_directory(directory, name, self.default())
        elif stat.S_ISLNK(below.status.st_mode):
            self._links.add(path)
            return os.readlink(below.name, dir_fd=below.directory)
        elif stat.S_ISDIR(below.status.st_mode):
            self.make_directory(directory, name, Kept.of(below.status, below.xattrs()))
            self._inherited.add(path)
        else:
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
        return None

    def make_directory(self, directory: Directory, name: str, wanted: Keeps) -> str:
        """As ``Applier`` does; the index is told that no entry named it."""
        path = super().make_directory(directory, name, wanted)
        self._builder.put_implied(path)
        return path

    def linked(self, path: str, source: str, _entry: Entry) -> None:
        """As ``made``, for another name of a file."""
        self._builder.link(path, source)
        self._named(path)

    def unmade(self, path: str, entry: Entry) -> None:
        """The index tells what the image has there."""
        self._builder.put(path, entry)

    def cleared(self, path: str) -> None:
        """The index forgets it."""
        self._builder.clear(path)

    def made(self, path: str, entry: Entry) -> None:
        """An entry names it; what resolved through a lower link of that name does no longer."""
        self._builder.put(path, entry)
        self._named(path)

    def _named(self, path: str) -> None:
        self._inherited.discard(path)
        if path in self._links:
            self._links.discard(path)
            self.root.forget()

    def over(self, directory: Directory, name: str) -> None:
        """Such a directory shows nothing of a lower one of its name."""
        self._make_opaque(self.root.open_child(directory, name))

    def remove(self, entry: Entry) -> None:
        """Mark a path as removed; a directory that this layer made there becomes opaque.

        Spec: image-spec layer.md#whiteouts
        """
        self.left_out(*self.root.place(entry.path))

    def left_out(self, directory: Directory, name: str) -> None:
        """Mark a name as removed."""
        self._removed.add(directory.child(name))
        status = directory.lstat(name)
        if status is None:
            whiteout.make_device(name, directory.fd)
            self._builder.drop(directory.child(name))
        elif stat.S_ISDIR(status.st_mode):
            self._make_opaque(self.root.open_child(directory, name))

    def remove_children(self, entry: Entry) -> None:
        """Mark a directory as opaque. Spec: image-spec layer.md#opaque-whiteout"""
        self._make_opaque(self.root.directory(entry.path))

    def link_source(self, directory: Directory, name: str, entry: Entry) -> None:
        """Copy up a file of a lower layer that a hard link names, so that both names share it."""
        status = directory.lstat(name)
        path = directory.child(name)
        if status is None:
            below = self._below(path)
            if below is not None:
                self._copy_up(below, directory, name, path)
        elif whiteout.is_device(status.st_mode, status.st_rdev):
            raise LayerError(
                f"{self._what}: {entry.path!r} is a hard link to {entry.linkname!r}, "
                "which the same layer removes",
                citation="image-spec layer.md#hardlinks",
            )

    def finish(self) -> None:
        """Settle what only the end can tell, then give directories their attributes."""
        if "" in self._opaque:
            self._empty_root()
        self._settle_marks()
        self._settle_inherited()
        self.root.forget()
        super().finish()
        self.index = self._builder.build(self._directories, self._marks(), self._opaque)

    def _make_opaque(self, directory: Directory) -> None:
        self._opaque.add(directory.path)
        if directory.path:
            whiteout.make_opaque(directory.fd, user=self._user_xattrs)

    def _sees_below(self, path: str) -> bool:
        """Whether nothing of this layer hides what lower layers have at a real path."""
        return path not in self._removed and not self._in_opaque(path)

    def _in_opaque(self, path: str) -> bool:
        if self._opaque:
            while path:
                path = path.rpartition("/")[0]
                if path in self._opaque:
                    return True
        return False

    def _below(self, path: str) -> Found | None:
        return self._lowers.find(path) if self._sees_below(path) else None

    def _empty_root(self) -> None:
        """Overlayfs ignores an opaque root: each name that lower layers show is removed."""
        for name in self._lowers.names():
            self.left_out(self.root.top, name)
        self._opaque.discard("")

    def _settle_marks(self) -> None:
        """Drop marks of what no lower layer shows, and those of names that were made later.

        In a directory that only one layer has, overlayfs would list the mark itself.
        """
        for path in sorted(self._removed):
            parent, _, name = path.rpartition("/")
            try:
                directory = self.root.real(parent)
            except (FileNotFoundError, NotADirectoryError):
                continue
            needed = self._needs_mark(path)
            made = whiteout.settle_mark(name, directory.fd, needed=needed)
            if made and needed:
                self._make_opaque(self.root.open_child(directory, name))

    def _needs_mark(self, path: str) -> bool:
        if not self._lowers_known:
            return True
        return not self._in_opaque(path) and self._lowers.find(path) is not None

    def _marks(self) -> list[str]:
        """The removed paths whose mark is there at the end."""
        found = []
        for path in sorted(self._removed):
            parent, _, name = path.rpartition("/")
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                if whiteout.is_marked(name, self.root.real(parent).fd):
                    found.append(path)
        return found

    def _settle_inherited(self) -> None:
        """Directories that are here only because something in them was removed, and which are
        removed themselves, go; those that hold something of this layer are its own.
        """
        for path in sorted(self._inherited, reverse=True):
            if self._sees_below(path):
                continue
            parent, _, name = path.rpartition("/")
            try:
                directory = self.root.real(parent)
                os.rmdir(name, dir_fd=directory.fd)
            except (FileNotFoundError, NotADirectoryError):
                continue  # replaced by a later entry
            except OSError:
                self._directories[path] = self.default()
                continue
            self._directories.pop(path, None)
            self._builder.drop(path)
            if path in self._removed and self._needs_mark(path):
                whiteout.make_device(name, directory.fd)

    def _copy_up(self, below: Found, directory: Directory, name: str, path: str) -> None:
        kept = Kept.of(below.status, below.xattrs())
        mode = below.status.st_mode
        if stat.S_ISREG(mode):
            source = os.open(
                below.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=below.directory
            )
            try:
                fd = os.open(name, _CREATE, 0o600, dir_fd=directory.fd)
                try:
                    _copy(source, fd)
                    if kept.uid != self._uid or kept.gid != self._gid or directory.setgid:
                        self.attributes.own(fd, kept, path)
                    self.attributes.set_open(fd, kept, path=path, chmod=True)
                finally:
                    os.close(fd)
            finally:
                os.close(source)
            self._builder.put_copy(path, kept, stat.S_IFREG, below.status.st_size, "")
            return
        link = stat.S_ISLNK(mode)
        target = f"{os.major(below.status.st_rdev)}:{os.minor(below.status.st_rdev)}"
        if link:
            target = os.readlink(below.name, dir_fd=below.directory)
            os.symlink(target, name, dir_fd=directory.fd)
        elif stat.S_ISDIR(mode):
            raise PermissionError(errno.EPERM, "a directory has no hard links", path)
        else:
            os.mknod(name, mode, device=below.status.st_rdev, dir_fd=directory.fd)
        self.attributes.own_named(directory.fd, name, kept, path)
        self.attributes.set_named(directory.fd, name, kept, path=path, link=link)
        target = "" if stat.S_ISFIFO(mode) else target
        self._builder.put_copy(path, kept, stat.S_IFMT(mode), 0, target)


def _copy(source: int, target: int) -> None:
    while True:
        data = os.read(source, 1 << 20)
        if not data:
            return
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(target, rest) :]

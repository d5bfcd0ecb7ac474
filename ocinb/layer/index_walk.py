"""The index of a directory in overlay form: a layer that has none yet, a container's changes."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from ocinb.errors import LimitExceeded, StorageError
from ocinb.layer import whiteout
from ocinb.layer.attributes import Kept
from ocinb.layer.index import LayerIndex
from ocinb.layer.index_builder import IndexBuilder
from ocinb.layer.safe_path import OPEN_DIRECTORY

MAX_DEPTH = 512
"""Directories in each other; each is an open descriptor while it is walked."""

_NOTHING = Kept(0, 0, 0, 0)


def index_directory(directory: Path | str, *, marks: bool = True) -> LayerIndex:
    """Walk a directory in overlay form, whose marks may be devices or files.

    Owners are those on disk; for a layer that an ordinary user unpacked not the archive's.

    Args:
        marks: whether whiteouts are marks; else they are files as others: of a plain tree.

    Raises:
        StorageError: it cannot be read.
    """
    walk = _Walk(marks)
    try:
        top = os.open(directory, OPEN_DIRECTORY)
        try:
            walk.builder.put_copy("", _NOTHING, stat.S_IFDIR, 0, "")
            walk.directories[""] = Kept.of(os.fstat(top), xattrs_of(top))
            walk.enter(top, "")
        finally:
            os.close(top)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{error.filename or directory}: {reason}") from error
    return walk.builder.build(walk.directories, walk.whiteouts, walk.opaque)


class _Walk:
    def __init__(self, marks: bool) -> None:
        self._marks = marks
        self.builder = IndexBuilder()
        self.directories: dict[str, Kept] = {}
        self.whiteouts: list[str] = []
        self.opaque: list[str] = []
        self._first: dict[tuple[int, int], str] = {}

    def enter(self, fd: int, path: str) -> None:
        """All that is in an open directory."""
        if path.count("/") > MAX_DEPTH:
            raise LimitExceeded(f"{path[:40]}… has more than {MAX_DEPTH} components")
        for name in sorted(os.listdir(fd)):
            try:
                self._entry(fd, name, f"{path}/{name}" if path else name)
            except FileNotFoundError:
                continue  # a program that runs has removed it meanwhile

    def _entry(self, parent: int, name: str, path: str) -> None:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if self._marks and whiteout.is_device(status.st_mode, status.st_rdev):
            self.whiteouts.append(path)
        elif self._marks and name.startswith(whiteout.PREFIX):
            self.whiteouts.append(path[: -len(name)] + name[len(whiteout.PREFIX) :])
        elif stat.S_ISDIR(status.st_mode):
            self._directory(parent, name, path)
        else:
            self._leaf(parent, name, path, status)

    def _directory(self, parent: int, name: str, path: str) -> None:
        fd = os.open(name, OPEN_DIRECTORY, dir_fd=parent)
        try:
            self.builder.put_copy(path, _NOTHING, stat.S_IFDIR, 0, "")
            self.directories[path] = Kept.of(os.fstat(fd), xattrs_of(fd))
            if self._marks and whiteout.is_opaque(fd):
                self.opaque.append(path)
            self.enter(fd, path)
        finally:
            os.close(fd)

    def _leaf(self, parent: int, name: str, path: str, status: os.stat_result) -> None:
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFSOCK:
            return  # no layer can hold one
        target = ""
        if kind == stat.S_IFLNK:
            target = os.readlink(name, dir_fd=parent)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            target = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        inode = status.st_dev, status.st_ino
        if status.st_nlink > 1 and inode in self._first:
            self.builder.link(path, self._first[inode])
            return
        self._first[inode] = path
        kept = Kept.of(status, xattrs_of(f"/proc/self/fd/{parent}/{name}", follow=False))
        size = status.st_size if kind == stat.S_IFREG else 0
        self.builder.put_copy(path, kept, kind, size, target)


def xattrs_of(target: int | str, *, follow: bool = True) -> dict[str, bytes]:
    """Extended attributes of a descriptor or path, those of overlayfs left out."""
    found: dict[str, bytes] = {}
    with contextlib.suppress(OSError):  # the filesystem has none, or not for such a file
        for name in os.listxattr(target, follow_symlinks=follow):
            if not whiteout.is_overlay_xattr(name):
                found[name] = os.getxattr(target, name, follow_symlinks=follow)
    return found

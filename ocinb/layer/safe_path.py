"""Paths of an archive, resolved beneath a root and never outside it.

A path is walked component by component from a descriptor of the root, each component opened with
``O_NOFOLLOW`` in the directory before it; symbolic links are read and followed by hand, an
absolute target and ``..`` stay inside the root as in a chroot. So the kernel is never given a
path with more than one component, and nothing it does can leave the root. ``openat2`` with
``RESOLVE_IN_ROOT`` would give the same for one tree, but not for a layer whose parents lie in
other layers, and it is refused in some sandboxes (proot, old seccomp profiles).

Directories that were found are kept open, since the entries of a directory follow each other.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from ocinb.errors import LimitExceeded, UnsafePath
from ocinb.layer.links import parts, walk

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_OPEN = 128
"""Directories kept open."""
MAX_DEPTH = 256
"""Components of a real path: links could build trees deeper than any path of an archive."""


class Directory:
    """An open directory beneath a root; closed when nobody holds it any more.

    Attributes:
        fd: its descriptor.
        path: its real path beneath the root, free of symbolic links; the root's is empty.
        setgid: whether files made in it take its group.
    """

    __slots__ = ("fd", "path", "setgid")

    def __init__(self, fd: int, path: str, setgid: bool) -> None:
        self.fd = fd
        self.path = path
        self.setgid = setgid

    def child(self, name: str) -> str:
        """The real path of a name in this directory."""
        return f"{self.path}/{name}" if self.path else name

    def lstat(self, name: str) -> os.stat_result | None:
        """What a name is, or None where there is nothing."""
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)


class Root:
    """A directory tree that is changed by the entries of a layer.

    A context manager. One thread only.

    Args:
        path: the directory.
        missing: called with a directory and the name of a parent that is not there, or that is
            neither directory nor link (then with what it is). It makes the directory and returns
            None, or returns the target of a link to follow in its place.
        found: called when a directory of the tree is opened, with its real path and what it
            was. A directory that its owner may not enter is made so; ``found`` can restore it.
    """

    def __init__(
        self,
        path: Path,
        missing: Callable[[Directory, str, os.stat_result | None], str | None] | None = None,
        found: Callable[[str, os.stat_result], None] | None = None,
    ) -> None:
        self._missing = missing
        self._found = found
        fd = os.open(path, OPEN_DIRECTORY)
        self.top = self._directory(fd, "")
        self._cache: dict[str, Directory] = {"": self.top}
        self._trail: list[Directory] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all descriptors."""
        self.forget()
        del self.top

    def place(self, path: str) -> tuple[Directory, str]:
        """The directory in which the entry of a clean path belongs, and its name there.

        Links among the parents are followed inside the root; the last component never is.

        Raises:
            UnsafePath: the path is the root itself, or its links lead in a circle.
            LimitExceeded: they lead too deep.
            OSError: a parent that cannot be opened or made.
        """
        parent, _, name = path.rpartition("/")
        directory = self._cache.get(parent)
        if directory is None:
            directory = self.directory(parent)
        if not name:
            raise UnsafePath("the root of the tree can only be a directory")
        return directory, name

    def directory(self, path: str) -> Directory:
        """The open directory of a clean path, following links, made where it is missing.

        Raises:
            UnsafePath: links lead in a circle. OSError: it cannot be opened or made.
        """
        directory = self._cache.pop(path, None)
        if directory is None:
            directory = self._walk(path)
            if len(self._cache) > MAX_OPEN:
                for key in list(self._cache)[: MAX_OPEN // 2]:
                    del self._cache[key]
        self._cache[path] = directory
        return directory

    def real(self, path: str) -> Directory:
        """The open directory of a real path: a link is an error, nothing is made.

        Paths that follow each other share the descriptors of what they have in common.

        Raises:
            OSError: it is not there, or no directory.
        """
        parts = path.split("/") if path else []
        trail = self._trail
        common = 0
        for name, directory in zip(parts, trail, strict=False):
            if directory.path.rpartition("/")[2] != name:
                break
            common += 1
        del trail[common:]
        for name in parts[common:]:
            trail.append(self.open_child(trail[-1] if trail else self.top, name))
        return trail[-1] if trail else self.top

    def forget(self) -> None:
        """Forget what is open: a directory or link was removed or replaced."""
        self._cache.clear()
        self._trail.clear()

    def open_child(self, parent: Directory, name: str) -> Directory:
        """A directory in an open directory.

        Raises:
            NotADirectoryError: it is something else. OSError: as ``open`` says.
        """
        before = None
        try:
            fd = os.open(name, OPEN_DIRECTORY, dir_fd=parent.fd)
        except PermissionError:
            before = os.stat(name, dir_fd=parent.fd, follow_symlinks=False)
            if not stat.S_ISDIR(before.st_mode):
                raise
            os.chmod(name, 0o700, dir_fd=parent.fd)  # an ordinary user's own, without rwx
            fd = os.open(name, OPEN_DIRECTORY, dir_fd=parent.fd)
        return self._directory(fd, parent.child(name), before)

    def _directory(self, fd: int, path: str, before: os.stat_result | None = None) -> Directory:
        status = before or os.fstat(fd)
        if self._found is not None:
            self._found(path, status)
        return Directory(fd, path, bool(status.st_mode & stat.S_ISGID))

    def _walk(self, path: str) -> Directory:
        start, rest = self._known_ancestor(path)
        chain = self._chain(start)
        circle = UnsafePath(f"{path!r} has too many symbolic links among its parents")
        walk(chain, rest, partial(self._step, chain), circle, root=1)
        last = chain[-1]
        return last if isinstance(last, Directory) else self._open_all(last)

    def _known_ancestor(self, path: str) -> tuple[Directory, list[str]]:
        """The nearest ancestor that is open, and the components after it, last first."""
        ancestor = path
        while ancestor:
            ancestor = ancestor.rpartition("/")[0]
            known = self._cache.get(ancestor)
            if known is not None:
                break
        else:
            known = self.top
        return known, parts(path[len(ancestor) :])

    def _chain(self, directory: Directory) -> list[Directory | str]:
        """The ancestors of an open directory: the root open, those between by their paths."""
        if not directory.path:
            return [directory]
        parts = directory.path.split("/")
        between = ["/".join(parts[: index + 1]) for index in range(len(parts) - 1)]
        return [self.top, *between, directory]

    def _open_all(self, path: str) -> Directory:
        """A directory by its real path."""
        current = self.top
        for name in path.split("/"):
            current = self.open_child(current, name)
        return current

    def _step(self, chain: list[Directory | str], name: str) -> str | None:
        """Go into ``name``; the target where it is a link to be followed."""
        last = chain[-1]
        parent = chain[-1] = last if isinstance(last, Directory) else self._open_all(last)
        found = self._enter(parent, name)
        if not isinstance(found, Directory | str) and self._missing is not None:
            found = self._missing(parent, name, found) or self._enter(parent, name)
        if isinstance(found, str):
            return found
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "no such directory", parent.child(name))
        if not isinstance(found, Directory):
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", parent.child(name))
        if len(chain) > MAX_DEPTH:
            raise LimitExceeded(f"its real path has more than {MAX_DEPTH} components")
        chain.append(found)
        return None

    def _enter(self, parent: Directory, name: str) -> Directory | str | os.stat_result | None:
        """The directory, the target of a link, what else it is, or None where nothing is."""
        try:
            return self.open_child(parent, name)
        except FileNotFoundError:
            return None
        except OSError:
            status = parent.lstat(name)
            if status is not None and stat.S_ISLNK(status.st_mode):
                return os.readlink(name, dir_fd=parent.fd)
            if status is None or stat.S_ISDIR(status.st_mode):
                raise
            return status

"""What lies below a layer: the merged view of layers that are unpacked as overlay directories.

A layer's archive is applied to the tree that the layers below it make: its parents may exist only
there, may be links there, and its hard links may name files there. This answers such questions
without mounting anything.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ocinb.layer import whiteout
from ocinb.layer.safe_path import OPEN_DIRECTORY


class Found:
    """A file of a lower layer.

    Attributes:
        directory: an open directory of that layer; closed with this object.
        name: the file's name in it.
        status: what it is, links not followed.
    """

    __slots__ = ("directory", "name", "status")

    def __init__(self, directory: int, name: str, status: os.stat_result) -> None:
        self.directory = directory
        self.name = name
        self.status = status

    def xattrs(self) -> dict[str, bytes]:
        """Its extended attributes, those of overlayfs left out."""
        path = f"/proc/self/fd/{self.directory}/{self.name}"
        found: dict[str, bytes] = {}
        with contextlib.suppress(OSError):
            for key in os.listxattr(path, follow_symlinks=False):
                if not whiteout.is_overlay_xattr(key):
                    found[key] = os.getxattr(path, key, follow_symlinks=False)
        return found

    def __del__(self) -> None:
        os.close(self.directory)


class Lowers:
    """The layers below, looked at as overlayfs would show them.

    A context manager. Whiteouts and opaque directories are honoured; links are never followed:
    paths must be real ones.

    Args:
        layers: directories in overlay form, bottom to top.
    """

    def __init__(self, layers: Sequence[Path]) -> None:
        self._tops: list[int] = []
        try:
            for path in reversed(layers):
                self._tops.append(os.open(path, OPEN_DIRECTORY))
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all descriptors."""
        while self._tops:
            os.close(self._tops.pop())

    def root(self) -> Found | None:
        """The root of the uppermost layer."""
        if not self._tops:
            return None
        return Found(os.dup(self._tops[0]), ".", os.fstat(self._tops[0]))

    def find(self, path: str) -> Found | None:
        """The file that a real path shows, or None where it shows nothing."""
        parts = path.split("/")
        for top in self._tops:
            parent, opaque, hidden = self._descend(top, parts[:-1])
            if parent is not None:
                status = _lstat(parent, parts[-1])
                if status is None and _lstat(parent, whiteout.PREFIX + parts[-1]) is None:
                    os.close(parent)
                elif status is None or whiteout.is_device(status.st_mode, status.st_rdev):
                    os.close(parent)
                    return None
                else:
                    return Found(parent, parts[-1], status)
            if opaque or hidden:
                return None
        return None

    def names(self) -> set[str]:
        """The names that the merged root shows."""
        shown: set[str] = set()
        gone: set[str] = set()
        for top in self._tops:
            for name in os.listdir(top):
                status = os.stat(name, dir_fd=top, follow_symlinks=False)
                if name.startswith(whiteout.PREFIX):
                    gone.add(name[len(whiteout.PREFIX) :])
                elif whiteout.is_device(status.st_mode, status.st_rdev):
                    gone.add(name)
                elif name not in gone:
                    shown.add(name)
        return shown

    def _descend(self, top: int, parts: list[str]) -> tuple[int | None, bool, bool]:
        """Open a directory of one layer.

        Returns:
            Its descriptor or None; whether an opaque directory on the way hides the layers
            below; whether something that is no directory does.
        """
        current = os.dup(top)
        opaque = False
        for name in parts:
            try:
                child = os.open(name, OPEN_DIRECTORY, dir_fd=current)
            except FileNotFoundError:
                gone = _lstat(current, whiteout.PREFIX + name) is not None
                os.close(current)
                return None, opaque, gone
            except OSError:
                status = _lstat(current, name)
                os.close(current)
                if status is not None and stat.S_ISDIR(status.st_mode):
                    raise
                return None, opaque, True
            os.close(current)
            current = child
            opaque = opaque or whiteout.is_opaque(current)
        return current, opaque, False


def _lstat(directory: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None

"""An image's stack together with the directories of its layers, so that files can be read."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO

from ocinb.errors import LayerError, StorageError, SyscallError
from ocinb.layer.changeset import KINDS
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ocinb.layer.index import LayerIndex, Row
    from ocinb.layer.stack import Place, Stack

_RESOLVE = f.RESOLVE_BENEATH | f.RESOLVE_NO_SYMLINKS | f.RESOLVE_NO_MAGICLINKS
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_TYPES = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFREG, stat.S_IFIFO, stat.S_IFCHR,
          stat.S_IFBLK, 0)  # fmt: skip
TYPE_OF = dict(zip(KINDS, _TYPES, strict=False))
"""Kind of an entry → type bits of its mode; those of a hard link are its file's."""

_A = {
    "directory": "a directory",
    "symlink": "a symbolic link",
    "fifo": "a fifo",
    "char": "a character device",
    "block": "a block device",
}


class Contents:
    """What the layers of an image hold; a context manager.

    Attributes:
        stack: computed from the layers' indexes.
        names: what identifies each layer over those below it (its chainID), bottom to top.
        diff_ids: what identifies each layer alone, bottom to top; empty for a container's own.
    """

    def __init__(
        self,
        stack: Stack,
        directories: Sequence[Path | str],
        names: Sequence[str],
        diff_ids: Sequence[str],
    ) -> None:
        self.stack = stack
        self.names = tuple(names)
        self.diff_ids = tuple(diff_ids)
        self._directories = tuple(map(str, directories))
        self._open: dict[int, int] = {}
        self._kernel = Kernel()

    def __enter__(self) -> Contents:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def find(self, path: str, layer: int | None = None) -> Place:
        """The entry that a path leads to, links followed inside the image.

        Args:
            path: as in the container.
            layer: number of a layer, the base being 1; its own entry then, links not followed,
                whether it is seen or not.

        Raises:
            LayerError: nothing is there.
        """
        if layer is None:
            return self.stack.inode(self.stack.shown[self.stack.resolve(path)])
        index = self.layer(layer)
        clean = "/".join(part for part in path.split("/") if part not in ("", "."))
        number = index.numbers.get(clean)
        if number is None or index.kinds[number] == "w":
            raise LayerError(f"layer {layer} has no /{clean}")
        from ocinb.layer.stack import Place

        return self.stack.inode(Place(layer - 1, number))

    def layer(self, number: int) -> LayerIndex:
        """A layer by its number, the base being 1.

        Raises:
            LayerError: there is none of that number.
        """
        if not 1 <= number <= len(self.stack.layers):
            count = len(self.stack.layers)
            raise LayerError(
                f"there is no layer {number}", hint=f"the layers are 1 to {count}, from the base up"
            )
        return self.stack.layers[number - 1]

    def open(self, place: Place) -> BinaryIO:
        """A regular file of a layer, for reading.

        No link is followed on the way, and nothing outside the layer's directory is opened.

        Raises:
            LayerError: it is no regular file. StorageError: it cannot be read.
        """
        place = self.stack.inode(place)
        row = self.stack.row(place)
        if row.kind != "file":
            raise LayerError(f"/{row.path} is {_A[row.kind]}, not a file")
        try:
            fd = self._kernel.openat2(self._top(place.layer), row.path, _OPEN, resolve=_RESOLVE)
        except SyscallError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"/{row.path} of layer {place.layer + 1}: {reason}") from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise LayerError(f"/{row.path} was a file when its layer was unpacked, and is none now")
        return os.fdopen(fd, "rb")

    def pieces(self, place: Place, size: int = 1 << 20) -> Iterator[bytes]:
        """The content of a regular file; errors as ``open``."""
        with self.open(place) as file:
            while data := file.read(size):
                yield data

    def _top(self, layer: int) -> int:
        fd = self._open.get(layer)
        if fd is None:
            path = self._directories[layer]
            try:
                fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError as error:
                reason = os.strerror(error.errno or 0).lower()
                raise StorageError(f"{path}: {reason}") from error
            self._open[layer] = fd
        return fd


def mode_text(row: Row, kind: str) -> str:
    """``-rw-r--r--``; a whiteout is ``w---------``.

    Args:
        kind: the row's, or for a hard link that of its file.
    """
    if kind == "whiteout":
        return "w---------"
    return stat.filemode(TYPE_OF[kind] | (row.mode if kind != "symlink" else 0o777))


def shown_path(path: str) -> str:
    """A path as absolute text; bytes that are no UTF-8 as ``\\xe9``."""
    try:
        path.encode()
    except UnicodeEncodeError:
        path = os.fsencode(path).decode("utf-8", "backslashreplace")
    return f"/{path}"

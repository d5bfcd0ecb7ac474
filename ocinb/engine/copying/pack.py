"""A file or a tree as a tar archive, walked by descriptors: no link is followed on the way."""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile

from ocinb.linux.kernel_filesystems import is_of_the_kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from _typeshed import ReadableBuffer

_KINDS = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
}
"""Sockets are of no use without their process, and are left out."""


_NOT_OF_A_FILE = (errno.EPIPE, errno.ENOSPC)
"""What is wrong with the archive, not with what is put into it."""


class Packer:
    """Writes an archive.

    Args:
        out: where to.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._archive = tarfile.open(  # noqa: SIM115 - closed by ``close``
            fileobj=_Told(out), mode="w", format=tarfile.PAX_FORMAT
        )
        self._names: dict[tuple[int, int], str] = {}

    def add(self, descriptor: int, name: str) -> None:
        """Add what an ``O_PATH`` descriptor names, with all that is below it, as ``name``.

        Below it, what the kernel shows of itself is left out: /proc, /sys.

        Raises:
            OSError: it cannot be read; ``filename`` is its name.
        """
        try:
            self._add(descriptor, name)
        except OSError as error:
            if error.errno in _NOT_OF_A_FILE or str(error.filename).startswith(f"{name}/"):
                raise
            raise OSError(error.errno, error.strerror, name) from None

    def _add(self, descriptor: int, name: str) -> None:
        found = os.fstat(descriptor)
        kind = _KINDS.get(stat.S_IFMT(found.st_mode))
        if kind is None:
            return
        entry = _entry(found, kind, name)
        before = self._names.get((found.st_dev, found.st_ino))
        if before is not None and found.st_nlink > 1 and kind != tarfile.DIRTYPE:
            entry.type, entry.linkname, entry.size = tarfile.LNKTYPE, before, 0
        self._names.setdefault((found.st_dev, found.st_ino), name)
        if entry.type == tarfile.REGTYPE:
            # Opened anew through /proc: that is this very file, whatever its name leads to now.
            with open(f"/proc/self/fd/{descriptor}", "rb", buffering=0) as file:
                self._archive.addfile(entry, _Exactly(file, entry.size))
            return
        if entry.type == tarfile.SYMTYPE:
            entry.linkname = os.readlink("", dir_fd=descriptor)
        self._archive.addfile(entry)
        if entry.type == tarfile.DIRTYPE:
            self._add_children(descriptor, name)

    def close(self) -> None:
        """Write the archive's end."""
        self._archive.close()

    def _add_children(self, descriptor: int, name: str) -> None:
        directory = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            device = os.fstat(directory).st_dev
            for child in sorted(os.listdir(directory)):
                try:
                    opened = os.open(child, os.O_PATH | os.O_NOFOLLOW, dir_fd=directory)
                except FileNotFoundError:
                    continue  # it has just been removed
                try:
                    mounted = os.fstat(opened).st_dev != device
                    if not (mounted and is_of_the_kernel(opened)):
                        self.add(opened, f"{name}/{child}")
                finally:
                    os.close(opened)
        finally:
            os.close(directory)


class _Told(io.RawIOBase):
    """What is written to, and knows how much that was: a pipe does not.

    The stream of ``tarfile`` does, too, but wants to write its end even when all is over.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._written = 0

    def write(self, data: ReadableBuffer, /) -> int:
        """As of any file."""
        written = self._out.write(data)
        self._written += written
        return written

    def tell(self) -> int:
        """How much it was."""
        return self._written


class _Exactly:
    """A file that may grow or shrink while it is read, as one of the size that was told."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = b""
        while len(data) < wanted:
            piece = self._file.read(wanted - len(data))
            if not piece:
                break
            data += piece
        self._left -= wanted
        return data.ljust(wanted, b"\0")


def _entry(found: os.stat_result, kind: bytes, name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = stat.S_IMODE(found.st_mode)
    entry.uid, entry.gid = found.st_uid, found.st_gid
    entry.mtime = found.st_mtime
    if kind == tarfile.REGTYPE:
        entry.size = found.st_size
    if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        entry.devmajor, entry.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
    return entry

"""The files of an archive: a directory, a tar, or a compressed tar, read alike.

An archive is an attacker's: names are only looked up, never made; links lead to other names of
the same archive or nowhere; sizes are those of the archive's own table.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import posixpath
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from ocinb.content.durable import storage_errors
from ocinb.errors import ContentError, DocumentError
from ocinb.spec.document import MAX_DOCUMENT

READ_SIZE = 1024 * 1024
MAX_ENTRIES = 100_000
MAX_LINKS = 8

_COMPRESSIONS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open))


class Files(Protocol):
    """Files by their path from the archive's root, with ``/`` between components."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        ...

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a file that is there."""
        ...


def document(files: Files, name: str) -> bytes | None:
    """The content of a small file; None where there is none.

    Raises:
        DocumentError: more than 4 MiB.
    """
    size = files.size(name)
    if size is None:
        return None
    if size > MAX_DOCUMENT:
        raise DocumentError(f"{name} of the archive is {size:,} bytes, more than {MAX_DOCUMENT:,}")
    return b"".join(files.pieces(name))


class DirectoryFiles:
    """The files of a directory; symbolic links are not followed out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def _path(self, name: str) -> Path | None:
        path = (self._root / name).resolve()
        return path if path.is_relative_to(self._root) and path.is_file() else None

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        path = self._path(name)
        return path.stat().st_size if path else None

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a file that is there."""
        path = self._path(name)
        with storage_errors("read", self._root / name):
            if path is None:
                raise FileNotFoundError(2, "gone")
            with path.open("rb") as file:
                while data := file.read(READ_SIZE):
                    yield data


class TarFiles:
    """The files of an uncompressed tar that can be read at any place."""

    def __init__(self, file: BinaryIO, what: str) -> None:
        """Read the table of the archive.

        Raises:
            ContentError: it is not a tar, or has too many entries.
        """
        self._file = file
        self._what = what
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for number, entry in enumerate(archive):
                    if number >= MAX_ENTRIES:
                        raise ContentError(f"{what} has more than {MAX_ENTRIES:,} entries")
                    self._note(entry)
        except (tarfile.TarError, OSError, ValueError) as error:
            raise ContentError(f"{what} is not a tar archive: {error}") from error

    def _note(self, entry: tarfile.TarInfo) -> None:
        name = posixpath.normpath(entry.name).lstrip("/")
        if entry.isreg() and not entry.issparse():
            self._places[name] = (entry.offset_data, entry.size)
        elif entry.issym():
            target = posixpath.join(posixpath.dirname(name), entry.linkname)
            self._links[name] = posixpath.normpath(target)
        elif entry.islnk():
            self._links[name] = posixpath.normpath(entry.linkname).lstrip("/")

    def _place(self, name: str) -> tuple[int, int] | None:
        for _ in range(MAX_LINKS):
            if name in self._places:
                return self._places[name]
            name = self._links.get(name, "")
        return None

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        place = self._place(name)
        return place[1] if place else None

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a file that is there."""
        place = self._place(name)
        offset, left = place or (0, 0)
        while left:
            data = os.pread(self._file.fileno(), min(left, READ_SIZE), offset)
            if not data:
                raise ContentError(f"{self._what} ends in the middle of {name}")
            yield data
            offset, left = offset + len(data), left - len(data)


@contextlib.contextmanager
def open_files(source: Path, scratch: Path, called: str) -> Iterator[Files]:
    """The files of a directory or of a tar, plain or compressed with gzip, bzip2 or xz.

    A compressed tar is inflated into a file in ``scratch`` that has no name there.

    Args:
        source, scratch: see above.
        called: what people know the archive as.

    Raises:
        StorageError: it cannot be read, or there is no room to inflate it.
        ContentError: it is not an archive.
    """
    if source.is_dir():
        yield DirectoryFiles(source)
        return
    with storage_errors("read", source):
        file = source.open("rb")
    with file, contextlib.ExitStack() as stack:
        head = file.read(6)
        file.seek(0)
        opener = next((fn for magic, fn in _COMPRESSIONS if head.startswith(magic)), None)
        if opener is None:
            yield TarFiles(file, called)
            return
        with storage_errors("inflate", source):
            plain = stack.enter_context(tempfile.TemporaryFile(dir=scratch))
            try:
                with opener(file, "rb") as stream:
                    shutil.copyfileobj(stream, plain, READ_SIZE)
            except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
                raise ContentError(f"{called} is damaged: {error}") from error
            plain.seek(0)
        yield TarFiles(plain, called)

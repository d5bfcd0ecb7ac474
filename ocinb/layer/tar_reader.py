"""A streaming reader of tar archives, made for layers.

It reads every form that layers of the world come in (ustar, PAX, GNU, star, v7, sparse files),
holds one chunk at a time, and gives back entries with clean paths. Anything that is not as it
says it is becomes one error that names the layer and the entry.

Spec: image-spec layer.md#distributable-format
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from ocinb.errors import LayerError, LimitExceeded, UnsafePath
from ocinb.layer import pax, sparse
from ocinb.layer import tar_header as tar
from ocinb.layer.changeset import (
    BLOCK,
    CHAR,
    DIRECTORY,
    FIFO,
    FILE,
    HARDLINK,
    NO_XATTRS,
    SYMLINK,
    Entry,
    Limits,
)
from ocinb.layer.whiteout import PREFIX, from_archive

_KINDS = {
    tar.REGULAR: FILE,
    tar.HISTORIC: FILE,
    tar.CONTIGUOUS: FILE,
    tar.GNU_SPARSE: FILE,
    tar.HARDLINK: HARDLINK,
    tar.SYMLINK: SYMLINK,
    tar.CHAR: CHAR,
    tar.BLOCK_DEVICE: BLOCK,
    tar.DIRECTORY: DIRECTORY,
    tar.FIFO: FIFO,
}
_ENCODING = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()  # as os.fsdecode
_MODE_BITS = 0o7777
_SECOND = 10**9
_LARGEST = 1 << 62
_MAX_ID = 1 << 32


class TarReader:
    """Entries of an archive in their order, and the content of the one read last.

    Args:
        chunk: gives the next bytes of the archive; empty at its end.
        what: how the layer is called in errors.
        limits: entries, depth and metadata are checked here.

    Attributes:
        entries: how many were read, whiteouts included.
        ignored: names that say nothing to a tree (AUFS bookkeeping, GNU volume labels).
        absolute: how many names began with a slash.
    """

    def __init__(self, chunk: Callable[[], bytes], what: str, limits: Limits) -> None:
        self.entries = 0
        self.ignored: list[str] = []
        self.absolute = 0
        self._what = what
        self._limits = limits
        self._next_chunk = chunk
        self._chunk = b""
        self._view = memoryview(b"")
        self._position = 0
        self._left = 0  # bytes of content not read yet
        self._padding = 0
        self._global: dict[bytes, bytes] = {}
        self._name = ""  # of the entry being read, as it stands
        self._previous = ""

    def next(self) -> Entry | None:
        """The next entry, or None at the archive's end; unread content is skipped.

        Raises:
            LayerError: the archive is damaged, ends too early, or breaks a rule.
            UnsafePath: a name with ``..`` or NUL.
            LimitExceeded: too many entries, too much metadata.
        """
        while True:
            try:
                entry = self._read_entry()
            except tar.HeaderError as error:
                self._fail(str(error))
            if entry is None or entry.kind:
                return entry
            self.ignored.append(entry.path)

    @property
    def at(self) -> str:
        """The name of the entry read last, for the start of a message; empty at the end."""
        return f"{_short(self._name)}: " if self._name else ""

    def copy_to(self, fd: int) -> None:
        """Write the content of the entry read last to a file descriptor."""
        left = self._left
        while left:
            count = min(left, len(self._chunk) - self._position)
            if not count:
                self._advance()
                continue
            written = os.write(fd, self._view[self._position : self._position + count])
            self._position += written
            left -= written
            self._left = left

    def copy_extents_to(self, fd: int, extents: sparse.Extents) -> None:
        """As ``copy_to`` for a sparse file: its parts go to their offsets, holes stay holes."""
        for offset, length in extents:
            position, left = offset, length
            while left:
                data = self._take(min(left, 1 << 20))
                self._left -= len(data)
                left -= len(data)
                rest = memoryview(data)
                while rest:
                    written = os.pwrite(fd, rest, position)
                    position += written
                    rest = rest[written:]

    def read(self) -> bytes:
        """The whole content of the entry read last; for small files."""
        data = self._take(self._left)
        self._left = 0
        return data

    def _read_entry(self) -> Entry | None:
        self._skip(self._left + self._padding)
        self._left = self._padding = 0
        self._previous, self._name = self._name, ""
        local: list[tuple[bytes, bytes]] = []
        long_name = long_link = None
        extended = False
        while True:
            block = self._header_block(required=extended)
            if block is None:
                return None
            header = tar.Header(block)
            kind = header.type
            if kind in _KINDS:
                break
            self._name = os.fsdecode(header.name)
            if kind == tar.GNU_VOLUME:
                self._skip_padded(header.size)
                continue
            data = self._metadata(header.size)
            extended = True
            if kind in (tar.PAX, tar.PAX_SOLARIS):
                local += pax.parse(data)
            elif kind == tar.PAX_GLOBAL:
                self._global.update(pax.parse(data))
                extended = False
            elif kind == tar.GNU_LONG_NAME:
                long_name = data.partition(b"\0")[0]
            elif kind == tar.GNU_LONG_LINK:
                long_link = data.partition(b"\0")[0]
            else:
                raise tar.HeaderError(f"its type {kind!r} is not one of tar's")
        self.entries += 1
        if self.entries > self._limits.entries:
            raise LimitExceeded(
                f"{self._what} has more than {self._limits.entries:,} entries",
                hint="if you trust it: OCINB_LAYER_LIMITS=entries=NUMBER",
            )
        return self._entry(header, long_name, long_link, local)

    def _entry(
        self,
        header: tar.Header,
        long_name: bytes | None,
        long_link: bytes | None,
        local: list[tuple[bytes, bytes]],
    ) -> Entry:
        name = long_name or header.name
        link = long_link or header.linkname
        size, uid, gid, mtime = header.size, header.uid, header.gid, header.mtime * _SECOND
        xattrs = NO_XATTRS
        records: dict[bytes, bytes] = {}
        if local or self._global:
            records = {key: value for key, value in (self._global | dict(local)).items() if value}
            name = records.get(b"GNU.sparse.name") or records.get(b"path", name)
            link = records.get(b"linkpath", link)
            if b"size" in records:
                size = pax.whole(records[b"size"], "size")
            if b"uid" in records:
                uid = pax.whole(records[b"uid"], "uid")
            if b"gid" in records:
                gid = pax.whole(records[b"gid"], "gid")
            if b"mtime" in records:
                mtime = pax.nanoseconds(records[b"mtime"])
            xattrs = pax.xattrs(self._global | dict(local)) or NO_XATTRS
        text = name.decode(*_ENCODING)
        self._name = text
        kind = _KINDS[header.type]
        if not (
            0 <= size <= _LARGEST
            and all(0 <= number < _MAX_ID for number in (uid, gid, *header.device))
            and -_LARGEST < mtime // _SECOND < _LARGEST
        ):
            raise tar.HeaderError("its size, owner, time or device number is not possible")
        if kind is FILE:
            self._left = size
            self._padding = -size % tar.BLOCK
            if text.endswith("/") and header.type in (tar.REGULAR, tar.HISTORIC):
                kind = DIRECTORY
        entry = Entry(
            path=self._clean(text),
            kind=kind,
            mode=header.mode & _MODE_BITS,
            uid=uid,
            gid=gid,
            mtime=mtime,
            size=size if kind is FILE else 0,
            xattrs=xattrs,
            device=header.device,
        )
        if kind is HARDLINK or kind is SYMLINK:
            entry.linkname = self._link(kind, os.fsdecode(link))
        if header.type == tar.GNU_SPARSE or (records and sparse.is_pax(records)):
            self._make_sparse(entry, header, records, local)
        if PREFIX in text:
            self._classify(entry)
        return entry

    def _make_sparse(
        self,
        entry: Entry,
        header: tar.Header,
        records: dict[bytes, bytes],
        local: list[tuple[bytes, bytes]],
    ) -> None:
        if entry.kind is not FILE:
            raise tar.HeaderError("it is sparse, but no regular file")
        if header.type == tar.GNU_SPARSE:
            entry.size, entry.extents = sparse.old_gnu(header.block, self._take)
        elif sparse.is_1_0(records):
            entry.size, entry.extents, used = sparse.pax_1_0(records, self._take)
            self._left -= used
        else:
            entry.size, entry.extents = sparse.pax_0(local)
        if sum(length for _, length in entry.extents) != self._left:
            raise tar.HeaderError("its sparse map does not agree with its stored size")

    def _classify(self, entry: Entry) -> None:
        try:
            found = from_archive(entry.path)
        except LayerError as error:
            raise LayerError(f"{self._what}: {error.message}", citation=error.citation) from None
        if found:
            entry.kind, entry.path = found

    def _clean(self, name: str) -> str:
        """A name of the archive as a relative path without empty, ``.`` or ``..`` components.

        A leading slash is dropped and counted: archives of the world have it, as those made by
        kaniko, and mean the root of the image. Docker, containerd and umoci drop it too.
        """
        parts = [part for part in name.split("/") if part and part != "."]
        if ".." in parts:
            raise UnsafePath(
                f"{self._what}: {_short(name)} has .. in its path",
                hint="such an entry points outside the tree it belongs to; the layer is refused",
            )
        if len(parts) > self._limits.depth:
            raise LimitExceeded(
                f"{self._what}: {_short(name)} has more than {self._limits.depth} components",
                hint="if you trust it: OCINB_LAYER_LIMITS=depth=NUMBER",
            )
        if not parts and not name:
            raise tar.HeaderError("it has no name")
        self.absolute += name.startswith("/") and bool(parts)
        return "/".join(parts)

    def _link(self, kind: str, link: str) -> str:
        if not link:
            raise tar.HeaderError(f"it is a {kind} without a target")
        return self._clean(link) if kind is HARDLINK else link

    def _metadata(self, size: int) -> bytes:
        if not 0 <= size <= self._limits.metadata:
            raise LimitExceeded(
                f"{self._what}: {_short(self._name)} has {size:,} bytes of extended header",
                hint="if you trust it: OCINB_LAYER_LIMITS=metadata=NUMBER",
            )
        data = self._take(size)
        self._skip(-size % tar.BLOCK)
        return data

    def _header_block(self, *, required: bool) -> bytes | None:
        """The next header; None at the end, which is two blocks of zeros or the end of the bytes.

        A single block of zeros with more after it is refused, as Go's reader does: what one tool
        hides behind it, another would show.
        """
        if self._position == len(self._chunk) and not self._more():
            if required:
                self._fail("the archive ends inside an entry")
            return None
        block = self._take(tar.BLOCK)
        if block != tar.ZERO_BLOCK:
            return block
        if required:
            self._fail("the archive ends inside an entry")
        if (self._position < len(self._chunk) or self._more()) and self._take(
            tar.BLOCK
        ) != tar.ZERO_BLOCK:
            self._fail("a block of zeros stands between entries")
        return None

    def _take(self, count: int) -> bytes:
        end = self._position + count
        if end <= len(self._chunk):
            data = self._chunk[self._position : end]
            self._position = end
            return data
        parts = []
        while count:
            if self._position == len(self._chunk):
                self._advance()
            part = self._chunk[self._position : self._position + count]
            self._position += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _skip_padded(self, size: int) -> None:
        self._skip(size + -size % tar.BLOCK)

    def _skip(self, count: int) -> None:
        while True:
            available = len(self._chunk) - self._position
            if count <= available:
                self._position += count
                return
            count -= available
            self._advance()

    def _more(self) -> bool:
        self._chunk = self._next_chunk()
        self._view = memoryview(self._chunk)
        self._position = 0
        return bool(self._chunk)

    def _advance(self) -> None:
        if not self._more():
            self._fail("the archive ends inside an entry")

    def _fail(self, problem: str) -> NoReturn:
        where = _short(self._name)
        if not self._name:
            where = f"the entry after {_short(self._previous)}" if self.entries else "the start"
        raise LayerError(
            f"{self._what}: {where}: {problem}",
            citation="image-spec layer.md#distributable-format",
        )


def _short(name: str) -> str:
    shown = repr(name)
    return shown if len(shown) < 120 else f"{shown[:117]}…'"

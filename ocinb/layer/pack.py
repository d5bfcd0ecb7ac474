"""Packing: entries become the archive of a layer, the same bytes for the same entries.

Spec: image-spec layer.md#representing-changes
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import os
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Literal

from ocinb.errors import LayerError, StorageError
from ocinb.layer import changeset, pax, whiteout
from ocinb.layer import tar_header as tar
from ocinb.layer.changeset import Entry
from ocinb.spec import media_types
from ocinb.spec.digest import Digest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compression = Literal["gzip", "zstd", "none"]

MEDIA_TYPE = {
    "gzip": media_types.LAYER_GZIP,
    "zstd": media_types.LAYER_ZSTD,
    "none": media_types.LAYER_TAR,
}

_TYPE = {
    changeset.FILE: tar.REGULAR,
    changeset.DIRECTORY: tar.DIRECTORY,
    changeset.SYMLINK: tar.SYMLINK,
    changeset.HARDLINK: tar.HARDLINK,
    changeset.FIFO: tar.FIFO,
    changeset.CHAR: tar.CHAR,
    changeset.BLOCK: tar.BLOCK_DEVICE,
    changeset.WHITEOUT: tar.REGULAR,
    changeset.OPAQUE: tar.REGULAR,
}
_GZIP_WBITS = 31
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Packed:
    """A layer that was written.

    Attributes:
        diff_id: of the archive. Spec: image-spec config.md#layer-diffid
        digest: of the blob as it was written.
        size: bytes of the blob.
        media_type: of the layer.
        uncompressed: bytes of the archive.
    """

    diff_id: Digest
    digest: Digest
    size: int
    media_type: str
    uncompressed: int


class _Sink:
    """Hashes the archive, compresses it, hashes and writes the blob."""

    def __init__(self, out: IO[bytes], compression: Compression) -> None:
        self.diff = hashlib.sha256()
        self.blob = hashlib.sha256()
        self.archive_size = 0
        self.blob_size = 0
        self._out = out
        self._compressor: Any = None
        if compression == "gzip":
            # zlib's own header: no name, time 0, so that the same archive is the same blob
            self._compressor = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WBITS)
        elif compression == "zstd":
            self._compressor = zstd.ZstdCompressor(_ZSTD_LEVEL)

    def write(self, data: bytes) -> None:
        self.diff.update(data)
        self.archive_size += len(data)
        self._emit(self._compressor.compress(data) if self._compressor else data)

    def finish(self) -> None:
        if self._compressor:
            self._emit(self._compressor.flush())

    def _emit(self, data: bytes) -> None:
        if data:
            self.blob.update(data)
            self.blob_size += len(data)
            rest = memoryview(data)
            while rest:  # an unbuffered file may take less
                rest = rest[self._out.write(rest) :]


def pack(entries: Iterable[Entry], out: IO[bytes], *, compression: Compression = "gzip") -> Packed:
    """Write entries, in the order in which they are given, as a layer.

    Headers are ustar; a PAX header precedes where a name, number, time or attribute does not fit
    in one. User and group names are left out.

    Raises:
        LayerError: a file whose size is not what its entry says. StorageError: reading or
            writing failed.

    Spec: image-spec layer.md#representing-changes
    """
    sink = _Sink(out, compression)
    path = ""
    try:
        for entry in entries:
            path = entry.path
            _write_entry(sink, entry)
        sink.write(2 * tar.ZERO_BLOCK)
        sink.finish()
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO).lower()
        raise StorageError(f"packing {path!r}: {reason}") from error
    return Packed(
        diff_id=Digest(f"sha256:{sink.diff.hexdigest()}"),
        digest=Digest(f"sha256:{sink.blob.hexdigest()}"),
        size=sink.blob_size,
        media_type=MEDIA_TYPE[compression],
        uncompressed=sink.archive_size,
    )


def header_blocks(entry: Entry) -> bytes:
    """The header of an entry, with a PAX header before it where one is needed."""
    name = os.fsencode(_archive_name(entry))
    link = os.fsencode(entry.linkname)
    size = entry.size if entry.kind == changeset.FILE else 0
    seconds, nanos = divmod(entry.mtime, 10**9)
    records: list[tuple[bytes, bytes]] = []
    split = tar.split_name(name) if _plain(name) else None
    if split is None:
        records.append((b"path", name))
        split = b"", name[:100]
    if not _plain(link) or len(link) > 100:
        records.append((b"linkpath", link))
    if not tar.fits(size, 12):
        records.append((b"size", b"%d" % size))
    for key, number in ((b"uid", entry.uid), (b"gid", entry.gid)):
        if not tar.fits(number, 8):
            records.append((key, b"%d" % number))
    if nanos or not tar.fits(seconds, 12):
        records.append((b"mtime", pax.format_time(entry.mtime)))
    records += pax.xattr_records(entry.xattrs)
    header = tar.build(
        prefix=split[0],
        name=split[1],
        mode=entry.mode & 0o7777,
        uid=entry.uid if tar.fits(entry.uid, 8) else 0,
        gid=entry.gid if tar.fits(entry.gid, 8) else 0,
        size=size if tar.fits(size, 12) else 0,
        mtime=seconds if tar.fits(seconds, 12) else 0,
        type=_TYPE[entry.kind],
        linkname=link[:100],
        device=entry.device if entry.kind in (changeset.CHAR, changeset.BLOCK) else None,
    )
    return _pax_header(records) + header if records else header


def _write_entry(sink: _Sink, entry: Entry) -> None:
    sink.write(header_blocks(entry))
    if entry.kind != changeset.FILE or not entry.size:
        return
    if isinstance(entry.source, bytes):
        written = len(entry.source)
        sink.write(entry.source)
    elif entry.source is not None:
        written = _write_file(sink, entry.source, entry.size)
    else:
        written = 0
    if written != entry.size:
        raise LayerError(
            f"{entry.path!r} has {written:,} bytes, its entry says {entry.size:,}",
            hint="was it changed while it was packed?",
        )
    sink.write(bytes(-entry.size % tar.BLOCK))


def _write_file(sink: _Sink, path: Path, size: int) -> int:
    written = 0
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            written += len(data)
            if written > size:
                break
            sink.write(data)
    return written


def _pax_header(records: list[tuple[bytes, bytes]]) -> bytes:
    if any(not _is_utf8(value) for key, value in records if key in (b"path", b"linkpath")):
        records = [(b"hdrcharset", b"BINARY"), *records]
    data = b"".join(pax.record(key, value) for key, value in records)
    header = tar.build(
        name=b"PaxHeaders/entry", mode=0o644, uid=0, gid=0, size=len(data), mtime=0, type=tar.PAX
    )
    return header + data + bytes(-len(data) % tar.BLOCK)


def _archive_name(entry: Entry) -> str:
    if entry.kind in (changeset.WHITEOUT, changeset.OPAQUE):
        return whiteout.to_archive(entry)
    if entry.kind == changeset.DIRECTORY:
        return f"{entry.path}/" if entry.path else "./"
    return entry.path


def _plain(name: bytes) -> bool:
    return name.isascii()


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True

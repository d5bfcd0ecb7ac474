"""From the bytes of a layer blob to the bytes of its tar archive.

Spec: image-spec layer.md#gzip-media-types and layer.md#zstd-media-types
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, Protocol

from isal import igzip_lib

from ocinb.errors import LayerError, UnsupportedCompression
from ocinb.spec import media_types

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_SIZE = 256 << 10
"""Bytes of compressed data read at once."""
CHUNK_SIZE = 512 << 10
"""Bytes of uncompressed data handed on at once, at most."""

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"),
          (b"\xfd7zXZ\0", "xz"))  # fmt: skip
_SKIPPABLE = tuple(bytes((n, 0x2A, 0x4D, 0x18)) for n in range(0x50, 0x60))
_DAMAGED: Any = (igzip_lib.IsalError, zstd.ZstdError)
_WINDOW_LOG = 27
"""zstd: 128 MiB, what the command line tool decodes unless told otherwise."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


def compression_of(start: bytes, media_type: str | None, what: str = "layer") -> str:
    """``gzip``, ``zstd`` or ``none``, told from the first bytes of a blob.

    The first bytes decide, as they do for containerd and Docker, because registries hold layers
    whose media type names the wrong compression; the diffID says whether the content is right.

    Raises:
        UnsupportedCompression: a compression we do not read, or a media type that is no layer's.
    """
    if media_type is not None and media_type not in media_types.COMPRESSION:
        raise UnsupportedCompression(
            f"{what} has media type {media_type!r}, which is not a layer's",
            citation="image-spec layer.md#image-layer-filesystem-changeset",
        )
    found = next((name for magic, name in _MAGIC if start.startswith(magic)), "none")
    if start.startswith(_SKIPPABLE):
        found = "zstd"
    if found in ("bzip2", "xz"):
        raise UnsupportedCompression(
            f"{what} is compressed with {found}",
            hint="the specification knows gzip, zstd and no compression",
            citation="image-spec layer.md#distributable-format",
        )
    return found


def chunks(
    stream: IO[bytes],
    media_type: str | None = None,
    *,
    what: str = "layer",
    took: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """The uncompressed bytes of a layer blob, ``CHUNK_SIZE`` or fewer at a time.

    Args:
        stream: the blob, read once from where it stands.
        media_type: of the layer's descriptor; None where it is not known.
        what: how the layer is called in an error.
        took: called with the count of compressed bytes that were read.

    Raises:
        UnsupportedCompression: see ``compression_of``.
        LayerError: the compressed stream is damaged or ends too early.
    """

    def read() -> bytes:
        data = stream.read(READ_SIZE)
        if took is not None:
            took(len(data))
        return data

    start = read()
    compression = compression_of(start, media_type, what)
    if compression == "none":
        while start:
            yield start
            start = read()
        return
    try:
        yield from _members(start, read, compression, what)
    except _DAMAGED as error:
        raise LayerError(
            f"{what}: the {compression} stream is damaged ({str(error).strip().lower()})"
        ) from error


def _members(
    data: bytes, read: Callable[[], bytes], compression: str, what: str
) -> Iterator[bytes]:
    """Inflate one member (gzip) or frame (zstd) after the other."""
    while True:
        inflate = _decompressor(compression)
        while not inflate.eof:
            if inflate.needs_input and not data:
                data = read()
                if not data:
                    raise LayerError(f"{what}: the {compression} stream ends too early")
            out = inflate.decompress(data, CHUNK_SIZE)
            data = b""
            if out:
                yield out
        data = inflate.unused_data or read()
        if compression == "gzip":  # zeros may pad the end, as gzip(1) allows
            data = data.lstrip(b"\0")
            while not data and (more := read()):
                data = more.lstrip(b"\0")
        if not data:
            return
        if len(data) < 4:
            data += read()
        if compression_of(data, None, what) != compression:
            raise LayerError(f"{what}: other data follows the {compression} stream")


def _decompressor(compression: str) -> _Decompressor:
    if compression == "gzip":
        gzip: Any = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        return gzip  # type: ignore[no-any-return]
    window: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    return zstd.ZstdDecompressor(options=window)


class _Reader(io.RawIOBase):
    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._source, b""))
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def open_stream(stream: IO[bytes], media_type: str | None = None, what: str = "layer") -> IO[bytes]:
    """A layer blob as a readable stream of its uncompressed bytes; see ``chunks``."""
    return io.BufferedReader(_Reader(chunks(stream, media_type, what=what)), CHUNK_SIZE)

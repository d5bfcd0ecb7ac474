"""The 512-byte header block of a tar archive, read and written.

Formats: POSIX ustar, GNU, star, and the historic one without magic (v7).

Spec: image-spec layer.md#distributable-format
"""

from __future__ import annotations

import struct
import zlib

BLOCK = 512
ZERO_BLOCK = bytes(BLOCK)

REGULAR = b"0"
HISTORIC = b"\0"
HARDLINK = b"1"
SYMLINK = b"2"
CHAR = b"3"
BLOCK_DEVICE = b"4"
DIRECTORY = b"5"
FIFO = b"6"
CONTIGUOUS = b"7"
PAX = b"x"
PAX_SOLARIS = b"X"
PAX_GLOBAL = b"g"
GNU_LONG_NAME = b"L"
GNU_LONG_LINK = b"K"
GNU_SPARSE = b"S"
GNU_VOLUME = b"V"

_FIELDS = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 8s 32s 32s 8s 8s 155s 12s")
_POSIX_MAGIC = b"ustar\0"
_MAX_OCTAL = {8: 0o7777777, 12: 0o77777777777}


class HeaderError(ValueError):
    """What is wrong with a header; the reader adds the layer and the entry."""


class Header:
    """The fields of a header block, as numbers and bytes.

    Attributes:
        name, linkname: as they stand, prefix included.
        mode, uid, gid, size, mtime: numbers; ``mtime`` in seconds.
        type: the type flag, one byte.
        device: major and minor.
        block: the whole block (GNU sparse headers keep a map in it).
    """

    __slots__ = ("block", "device", "gid", "linkname", "mode", "mtime", "name", "size", "type",
                 "uid")  # fmt: skip

    def __init__(self, block: bytes) -> None:
        (name, mode, uid, gid, size, mtime, checksum, self.type, linkname, magic,
         _uname, _gname, major, minor, prefix, tail) = _FIELDS.unpack(block)  # fmt: skip
        if not checksum_matches(block, number(checksum, "checksum")):
            raise HeaderError("its header's checksum is wrong")
        self.block = block
        self.name = name.partition(b"\0")[0]
        self.linkname = linkname.partition(b"\0")[0]
        self.mode = _small(mode, "mode")
        self.uid = _small(uid, "uid")
        self.gid = _small(gid, "gid")
        self.size = number(size, "size")
        self.mtime = _small(mtime, "mtime")
        self.device = (0, 0)
        if self.type in b"34":
            self.device = (_small(major, "devmajor"), _small(minor, "devminor"))
        if magic.startswith(_POSIX_MAGIC):
            if tail.endswith(b"tar\0"):  # star keeps times at the end of the prefix
                prefix = prefix[:131]
            prefix = prefix.partition(b"\0")[0]
            if prefix:
                self.name = prefix + b"/" + self.name


def checksum_matches(block: bytes, stated: int) -> bool:
    """Whether the stated sum of the header's bytes is right, its own field counted as spaces.

    Adler-32 holds the sum modulo 65521, many times faster than ``sum``; the sum of a block that
    is all ASCII is less than that, so it is exact there. Old systems summed signed bytes.
    """
    if block.isascii():
        rest = zlib.adler32(block[156:], zlib.adler32(block[:148])) & 0xFFFF
        return rest - 1 + 8 * 32 == stated
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    if unsigned == stated:
        return True
    negative = sum(1 for index, byte in enumerate(block) if byte > 127 and not 148 <= index < 156)
    return unsigned - 256 * negative == stated


_known: dict[bytes, int] = {}


def _small(raw: bytes, field: str) -> int:
    """``number`` for fields that repeat from entry to entry."""
    value = _known.get(raw)
    if value is None:
        if len(_known) > 4096:
            _known.clear()
        value = _known[raw] = number(raw, field)
    return value


def number(raw: bytes, field: str) -> int:
    """A numeric field: octal digits ended by a space or NUL, or base-256 (the first bit set).

    Raises:
        HeaderError: neither.
    """
    if raw[0] & 0x80:
        if raw[0] & 0x40:
            return int.from_bytes(raw, "big", signed=True)
        return int.from_bytes(raw, "big") & ((1 << (8 * len(raw) - 1)) - 1)
    digits = raw.partition(b"\0")[0].strip(b" ")
    try:
        if digits and not digits.isdigit():
            raise ValueError
        return int(digits or b"0", 8)
    except ValueError:
        raise HeaderError(f"its {field} {raw!r} is not a number") from None


def fits(value: int, width: int) -> bool:
    """Whether a number can stand in an octal field of ``width`` bytes."""
    return 0 <= value <= _MAX_OCTAL[width]


def split_name(name: bytes) -> tuple[bytes, bytes] | None:
    """A name as the ``(prefix, name)`` of ustar, or None where it does not fit."""
    if len(name) <= 100:
        return b"", name
    cut = name.find(b"/", len(name) - 101)
    if 0 < cut <= 155 and cut < len(name) - 1:
        return name[:cut], name[cut + 1 :]
    return None


def build(
    *,
    name: bytes,
    prefix: bytes = b"",
    mode: int,
    uid: int,
    gid: int,
    size: int,
    mtime: int,
    type: bytes,
    linkname: bytes = b"",
    device: tuple[int, int] | None = None,
) -> bytes:
    """A ustar header block; every value must fit (see ``fits`` and ``split_name``)."""
    major, minor = (b"%07o\0" % n for n in device) if device else (b"", b"")
    block = bytearray(
        _FIELDS.pack(
            name, b"%07o\0" % mode, b"%07o\0" % uid, b"%07o\0" % gid, b"%011o\0" % size,
            b"%011o\0" % mtime, b" " * 8, type, linkname, b"ustar\x0000", b"", b"", major, minor,
            prefix, b"",
        )
    )  # fmt: skip
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)

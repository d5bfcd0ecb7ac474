"""PAX extended headers: records of ``LENGTH KEY=VALUE\\n`` that override a header's fields.

Spec: image-spec layer.md#file-attributes
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from ocinb.layer.tar_header import HeaderError

SCHILY_XATTR = b"SCHILY.xattr."
LIBARCHIVE_XATTR = b"LIBARCHIVE.xattr."

_TIME = re.compile(rb"(-?)(\d{1,18})(?:\.(\d*))?")
_NUMBER = re.compile(rb"\d{1,20}")
_NO_NUL = (b"path", b"linkpath", b"GNU.sparse.name")


def parse(data: bytes) -> list[tuple[bytes, bytes]]:
    """The records of an extended header in their order.

    Raises:
        HeaderError: a record whose length is a lie, or without a key.
    """
    records = []
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 12)
        digits = data[position:space] if space > 0 else b""
        if not digits.isdigit():
            if not data[position:].strip(b"\0"):
                break  # some writers pad with NUL inside the size
            raise HeaderError("its extended header has a record without a length")
        end = position + int(digits)
        if end > len(data) or end <= space + 1 or data[end - 1] != 0x0A:
            raise HeaderError("its extended header has a record of a wrong length")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not key or not equals:
            raise HeaderError("its extended header has a record without a key")
        if b"\0" in key or (b"\0" in value and key in _NO_NUL):
            raise HeaderError(f"its extended header has a NUL in {key.decode('ascii', 'replace')}")
        records.append((key, value))
        position = end
    return records


def record(key: bytes, value: bytes) -> bytes:
    """One record; the length counts its own digits."""
    size = len(key) + len(value) + 3
    length = size + len(str(size))
    length = size + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def nanoseconds(value: bytes) -> int:
    """A time as PAX writes it, seconds with any number of decimals, in nanoseconds.

    Raises:
        HeaderError: not a time.
    """
    match = _TIME.fullmatch(value)
    if match is None:
        raise HeaderError(f"its extended header has a time {value[:40]!r}")
    sign, seconds, decimals = match.groups()
    total = int(seconds) * 10**9 + int(((decimals or b"") + b"0" * 9)[:9])
    if sign and decimals and len(decimals) > 9 and decimals[9:].strip(b"0"):
        total += 1  # rounded down, as for positive times
    return -total if sign else total


def format_time(nanos: int) -> bytes:
    """A time in nanoseconds as PAX writes it, without needless zeros."""
    sign = b"-" if nanos < 0 else b""
    seconds, rest = divmod(abs(nanos), 10**9)
    decimals = (b".%09d" % rest).rstrip(b"0") if rest else b""
    return b"%b%d%b" % (sign, seconds, decimals)


def whole(value: bytes, key: str) -> int:
    """A decimal number of an extended header.

    Raises:
        HeaderError: not a number.
    """
    if _NUMBER.fullmatch(value) is None:
        raise HeaderError(f"its extended header has {key} {value[:40]!r}")
    return int(value)


def xattrs(records: Mapping[bytes, bytes]) -> dict[str, bytes]:
    """The extended attributes among the records; star's form wins over libarchive's.

    Raises:
        HeaderError: libarchive's value is not base64.
    """
    found: dict[str, bytes] = {}
    for key, value in records.items():
        if key.startswith(LIBARCHIVE_XATTR):
            name = unquote_to_bytes(key[len(LIBARCHIVE_XATTR) :])
            try:
                data = base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
            except (binascii.Error, ValueError):
                raise HeaderError(f"its attribute {_text(name)} is not base64") from None
            if not name or b"\0" in name:
                raise HeaderError("it has an attribute without a possible name")
            found[_text(name)] = data
    for key, value in records.items():
        if key.startswith(SCHILY_XATTR):
            found[_text(key[len(SCHILY_XATTR) :])] = value
    return found


def xattr_records(attributes: Mapping[str, bytes]) -> Iterable[tuple[bytes, bytes]]:
    """Extended attributes as records in the order of their names."""
    for name in sorted(attributes):
        yield SCHILY_XATTR + name.encode("utf-8", "surrogateescape"), attributes[name]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")

"""Sparse files: the maps of GNU tar's four ways to leave out holes.

The specification says that layers SHOULD NOT have them; archives of the world do.

Spec: image-spec layer.md#file-types (sparse files)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ocinb.layer import pax
from ocinb.layer.tar_header import BLOCK, HeaderError, number

MAX_EXTENTS = 1_000_000
_SLOTS_OF_HEADER = 4
_SLOTS_OF_EXTENSION = 21
_LARGEST = 1 << 62

Extents = tuple[tuple[int, int], ...]


def old_gnu(block: bytes, take: Callable[[int], bytes]) -> tuple[int, Extents]:
    """The real size and map of a header of type ``S`` and the blocks that extend it.

    Raises:
        HeaderError: the map is not in order or reaches beyond the size.
    """
    real_size = number(block[483:495], "real size")
    extents = _slots(block[386:482], _SLOTS_OF_HEADER)
    extended = block[482] != 0
    while extended:
        more = take(BLOCK)
        extents += _slots(more, _SLOTS_OF_EXTENSION)
        extended = more[504] != 0
        if len(extents) > MAX_EXTENTS:
            raise HeaderError("its sparse map is too long")
    return real_size, check(extents, real_size)


def _slots(data: bytes, count: int) -> list[tuple[int, int]]:
    pairs = []
    for start in range(0, count * 24, 24):
        if data[start] == 0 and data[start + 12] == 0:
            break
        pairs.append(
            (
                number(data[start : start + 12], "sparse offset"),
                number(data[start + 12 : start + 24], "sparse length"),
            )
        )
    return pairs


def is_pax(records: Mapping[bytes, bytes]) -> bool:
    """Whether extended records make the entry a sparse file."""
    return b"GNU.sparse.map" in records or b"GNU.sparse.numblocks" in records or is_1_0(records)


def is_1_0(records: Mapping[bytes, bytes]) -> bool:
    """Whether the map stands at the start of the data (format 1.0)."""
    return records.get(b"GNU.sparse.major") == b"1"


def pax_0(records: Sequence[tuple[bytes, bytes]]) -> tuple[int, Extents]:
    """The real size and map of formats 0.0 (repeated records) and 0.1 (one record).

    Raises:
        HeaderError: no size, no pairs, or a map out of order.
    """
    size = None
    numbers: list[int] = []
    for key, value in records:
        if key in (b"GNU.sparse.size", b"GNU.sparse.realsize"):
            size = pax.whole(value, "sparse size")
        elif key == b"GNU.sparse.map":
            numbers = [pax.whole(part, "sparse map") for part in value.split(b",") if part]
        elif key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            numbers.append(pax.whole(value, "sparse map"))
    if size is None or len(numbers) % 2:
        raise HeaderError("its sparse map is incomplete")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return size, check(pairs, size)


def pax_1_0(
    records: Mapping[bytes, bytes], take: Callable[[int], bytes]
) -> tuple[int, Extents, int]:
    """The real size and map of format 1.0, and how many bytes of the data the map took.

    Raises:
        HeaderError: no size, not numbers, or a map out of order.
    """
    size = pax.whole(records.get(b"GNU.sparse.realsize", b""), "sparse size")
    text = take(BLOCK)
    count, position, text = _line(text, 0, take)
    if count > MAX_EXTENTS:
        raise HeaderError("its sparse map is too long")
    numbers = []
    for _ in range(2 * count):
        value, position, text = _line(text, position, take)
        numbers.append(value)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    return size, check(pairs, size), len(text)


def _line(text: bytes, position: int, take: Callable[[int], bytes]) -> tuple[int, int, bytes]:
    end = text.find(b"\n", position)
    if end < 0:
        text += take(BLOCK)
        end = text.find(b"\n", position)
    if end < 0:
        raise HeaderError("its sparse map is not in lines")
    return pax.whole(text[position:end], "sparse map"), end + 1, text


def check(pairs: Sequence[tuple[int, int]], size: int) -> Extents:
    """The map, once it is known to be in order, without overlap, and within the size.

    Raises:
        HeaderError: it is not.
    """
    reached = 0
    if not 0 <= size <= _LARGEST:
        raise HeaderError("its sparse size is not possible")
    for offset, length in pairs:
        if offset < reached or length < 0 or offset + length > size:
            raise HeaderError("its sparse map is out of order or beyond the file's size")
        reached = offset + length
    return tuple(pair for pair in pairs if pair[1])

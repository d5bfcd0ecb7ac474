"""Compressions of a layer, told from its bytes and undone in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
import tracemalloc

import pytest

from ocinb.errors import LayerError, UnsupportedCompression
from ocinb.layer.compression import CHUNK_SIZE, chunks, open_stream
from ocinb.spec import media_types

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DATA = b"".join(b"line %d\n" % n for n in range(300_000))
STARTS = range(0, len(DATA), 99_999)
SKIPPABLE = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"extra"

BLOBS = {
    "plain": DATA,
    "gzip": gzip.compress(DATA),
    "gzip in members": b"".join(gzip.compress(DATA[n : n + 99_999]) for n in STARTS),
    "gzip with zeros after": gzip.compress(DATA) + bytes(10_000),
    "zstd": zstd.compress(DATA),
    "zstd in frames": zstd.compress(DATA[:1000]) + zstd.compress(DATA[1000:]),
    "zstd:chunked": zstd.compress(DATA) + SKIPPABLE,
    "zstd after a skippable frame": SKIPPABLE + zstd.compress(DATA),
}  # fmt: skip


def whole(blob: bytes, media_type: str | None = None) -> bytes:
    return b"".join(chunks(io.BytesIO(blob), media_type))


@pytest.mark.parametrize("form", BLOBS)
def test_what_was_compressed_comes_out(form):
    assert whole(BLOBS[form]) == DATA
    assert open_stream(io.BytesIO(BLOBS[form])).read() == DATA


def test_the_bytes_decide_where_the_media_type_is_wrong():
    assert whole(gzip.compress(DATA), media_types.LAYER_ZSTD) == DATA
    assert whole(DATA, media_types.LAYER_GZIP) == DATA


@pytest.mark.parametrize("blob", [bz2.compress(DATA), b"\xfd7zXZ\0" + DATA])
def test_other_compressions_are_named(blob):
    with pytest.raises(UnsupportedCompression, match=r"bzip2|xz"):
        whole(blob)


def test_a_media_type_that_is_no_layer():
    with pytest.raises(UnsupportedCompression, match="image/png"):
        whole(DATA, "image/png")


@pytest.mark.parametrize("form", ["gzip", "gzip in members", "zstd", "zstd in frames"])
def test_every_truncation_is_seen(form):
    blob = BLOBS[form]
    for cut in (1, 4, 8, len(blob) // 2):
        with pytest.raises(LayerError, match="ends too early"):
            whole(blob[:-cut])


def test_damage_is_seen():
    blob = bytearray(BLOBS["gzip"])
    blob[len(blob) // 2] ^= 0xFF
    with pytest.raises(LayerError, match=r"damaged|early"):
        whole(bytes(blob))


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_other_data_behind_is_refused(form):
    with pytest.raises(LayerError, match="other data follows"):
        whole(BLOBS[form] + b"something else")


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_a_bomb_takes_no_memory(compress):
    bomb = compress(bytes(64 << 20))
    tracemalloc.start()
    try:
        assert all(len(chunk) <= CHUNK_SIZE for chunk in chunks(io.BytesIO(bomb)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20

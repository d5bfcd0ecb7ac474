"""Inputs near those of the corpus, for hypothesis: pieces of it changed, joined, repeated."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

CORPUS = Path(__file__).with_name("corpus")

_WORDS = [
    b"\0", b"\n", b"..", b"/", b"../", b":", b"@", b"sha256:", b".wh.", b".wh..wh..opq", b"%2e",
    b'"', b"\\", b"{", b"}", b"[", b"]", b"null", b"-1", b"1e999", b"18446744073709551616", b"NaN",
    b"\xff", "\u202e".encode(), b"\xed\xa0\x80", b"${", b"$(", b"<<A", b"=", b",", b"\t", b" ",
]  # fmt: skip


def corpus(target: str) -> list[bytes]:
    """What is kept for a target."""
    return [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]


@st.composite
def near(draw: st.DrawFn, target: str) -> bytes:
    """Bytes that are a few changes away from the corpus."""
    kept = corpus(target)
    data = bytearray(draw(st.sampled_from(kept)))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["byte", "word", "bytes", "cut", "repeat", "splice"]))
        if how == "byte" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif how == "word":
            word = draw(st.sampled_from(_WORDS))
            data[at : at + draw(st.sampled_from([0, len(word)]))] = word
        elif how == "bytes":
            data[at:at] = draw(st.binary(max_size=20))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 600))]
        elif how == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 600))] * draw(st.integers(1, 20))
        elif how == "splice":
            data[at:] = draw(st.sampled_from(kept))[draw(st.integers(0, 600)) :]
    return bytes(data[: 1 << 18])

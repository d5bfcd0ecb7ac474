"""What a script leaves is told apart from what it writes, however the bytes arrive."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ocinb.kernel.running import _Tail

MARK = b"\x1eabc\n"


@given(
    before=st.binary(max_size=40),
    left=st.binary(max_size=40),
    after=st.binary(max_size=10),
    cuts=st.lists(st.integers(0, 120), max_size=6),
)
def test_in_whatever_pieces_it_comes(before, left, after, cuts):
    before = before.replace(b"\x1e", b"")
    left = left.replace(b"\x1e", b"")
    after = after.replace(b"\x1e", b"")
    shown = bytearray()
    tail = _Tail(MARK, lambda data, _: shown.extend(data))
    whole = before + MARK + left + MARK + after
    borders = sorted({0, *(min(cut, len(whole)) for cut in cuts), len(whole)})
    for start, end in itertools.pairwise(borders):
        tail(whole[start:end], 1)
    assert bytes(shown) == before + after
    assert (tail.held or "").encode(errors="surrogateescape") == left


def test_nothing_is_held_back_that_is_no_mark():
    shown = bytearray()
    tail = _Tail(MARK, lambda data, _: shown.extend(data))
    tail(b"one\x1ea", 1)
    assert bytes(shown) == b"one"
    tail(b"x", 1)
    assert bytes(shown) == b"one\x1eax"
    tail(b"\x1eabc\n", 2)  # standard error is not looked at
    assert bytes(shown).endswith(b"ax\x1eabc\n")
    assert tail.held is None

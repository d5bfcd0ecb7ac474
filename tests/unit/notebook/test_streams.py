"""A container's bytes as a cell shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.notebook.streams import CUT_AFTER, CellOutput, SafeText


def shown(*pieces):
    safe = SafeText()
    return "".join(map(safe.feed, pieces)) + safe.feed(b"", final=True)


def test_colours_pass():
    assert shown(b"\x1b[1;31mred\x1b[0m") == "\x1b[1;31mred\x1b[0m"


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x1b[2J",  # clear the screen
        b"\x1b[10;10H",  # move
        b"\x1b]0;title\x07",
        b"\x1b]52;c;ZXZpbA==\x1b\\",  # write to the clipboard
        b"\x1b]8;;http://evil\x1b\\",  # a link
        b"\x1bPq#0\x1b\\",  # a device string
        b"\x1b(0",  # another character set
        b"\x1b[?1049h",
        b"\x9b31m",
        b"\x07\x00\x0e",
    ],
)
def test_nothing_else_is_obeyed(hostile):
    text = shown(b"before" + hostile + b"after")
    assert text.replace("\N{REPLACEMENT CHARACTER}31m", "") == "beforeafter"


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_sequence_in_pieces_is_still_one(cut):
    data = b"a\x1b]0;ti\x07b\x1b[31mc"
    assert shown(data[:cut], data[cut:]) == "ab\x1b[31mc"


def test_a_character_in_pieces_is_still_one():
    assert shown(*(bytes([byte]) for byte in "größe".encode())) == "größe"


def test_bytes_that_are_no_text_become_replacement_characters():
    assert shown(b"\xff\xfe ok") == "\N{REPLACEMENT CHARACTER}" * 2 + " ok"


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_whatever_comes_only_colours_are_left_of_escapes(pieces):
    text = shown(*pieces)
    for part in text.split("\x1b")[1:]:
        assert part[0] == "["
        assert part[1:].lstrip("0123456789;:").startswith("m")


def test_markup_stays_text():
    assert shown(b"<script>alert(1)</script>") == "<script>alert(1)</script>"


def test_a_flood_is_cut_and_says_so(capsys):
    output = CellOutput()
    for _ in range(3):
        output(b"x" * (CUT_AFTER // 2 + 1), 1)
    written = capsys.readouterr().out
    assert len(written) < CUT_AFTER + 200
    assert "left out" in written


def test_streams_are_kept_apart(capsys):
    output = CellOutput()
    output(b"out\x1b[3", 1)
    output(b"err", 2)
    output(b"1m!", 1)
    captured = capsys.readouterr()
    assert captured.out == "out\x1b[31m!"
    assert captured.err == "err"

"""Log files as CRI runtimes write them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocinb.cri.log_lines import parse, read

TIME = b"2026-11-27T03:18:04.381194784Z"


def lines(*texts):
    return list(parse(TIME + b" " + text + b"\n" for text in texts))


def test_a_line_has_a_time_a_stream_and_a_text():
    (line,) = lines(b"stdout F hello world")
    assert (line.stream, line.text, line.whole) == (1, b"hello world", True)
    assert round(line.time, 3) == 1795749484.381


def test_parts_of_a_line_are_put_together_in_their_stream():
    found = lines(b"stdout P one ", b"stderr F oops", b"stdout F two")
    assert [(line.stream, line.text) for line in found] == [(2, b"oops"), (1, b"one two")]


def test_a_line_that_is_not_ended_is_told_so():
    (line,) = lines(b"stdout P half")
    assert (line.text, line.whole) == (b"half", False)


def test_an_empty_line_and_one_with_spaces():
    assert [line.text for line in lines(b"stdout F ", b"stdout F  two  ")] == [b"", b" two  "]


@given(st.lists(st.binary(max_size=60)))
def test_whatever_stands_there_is_no_error(texts):
    list(parse(texts))


def test_no_log_no_lines(tmp_path):
    assert list(read(str(tmp_path / "none.log"))) == []

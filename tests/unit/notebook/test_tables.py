"""Listings in a notebook: the look changes, the data does not."""

from __future__ import annotations

import io
import sys

import pandas as pd
import pytest

from ocinb.notebook.tables import frame_html, frame_text, html_table
from ocinb.table import Table, columns

DIGEST = "sha256:" + "cd" * 32


@pytest.fixture
def frame():
    kinds = columns("name digest:digest size:bytes created:time took:duration")
    rows = [("<script>", DIGEST, 1_234_567, 1_700_000_000.0, 0.0012), ("b", None, 0, None, None)]
    return Table(kinds, rows).to_frame()


def test_sizes_are_human_digests_short_with_the_whole_on_hover(frame):
    html = frame_html(frame)
    assert "1.23 MB" in html
    assert ">cdcdcdcdcdcd<" in html
    assert f'title="{DIGEST}"' in html
    assert 'title="1,234,567 bytes"' in html
    assert "1.20 ms" in html


def test_numbers_are_on_the_right():
    html = html_table({"name": "text", "size": "bytes"}, [("a", 5)])
    assert 'text-align:right">size</th>' in html
    assert "5 B</td>" in html


def test_names_from_images_are_never_markup(frame):
    html = frame_html(frame)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_quote_cannot_leave_its_attribute():
    html = html_table({"name": "text"}, [('" onmouseover="alert(1)' + "x" * 60,)])
    assert 'onmouseover="' not in html


def test_the_data_is_as_it_was(frame):
    before = frame.copy()
    frame_html(frame)
    frame_text(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert frame["size"].tolist() == [1_234_567, 0]


def test_a_selection_keeps_its_look_and_a_new_column_is_shown_too(frame):
    part = frame[frame["size"] > 0][["name", "size"]]
    assert "1.23 MB" in frame_html(part)
    part = part.assign(half=part["size"] / 2)
    assert "617283.5" in frame_html(part)


def test_a_column_that_was_given_other_values_is_shown_as_they_are(frame):
    frame["size"] = ["large", "small"]
    frame["created"] = ["then", "later"]
    html = frame_html(frame)
    assert "large" in html
    assert "later" in html


def test_frames_of_others_keep_pandas_own_look():
    other = pd.DataFrame({"size": [1_234_567]})
    assert frame_html(other) == other._repr_html_()
    assert frame_text(other) == repr(other)


def test_a_long_listing_is_cut_and_says_so():
    listing = Table(columns("n:int"), [(n,) for n in range(500)]).to_frame()
    assert "the first 60 of 500 rows" in frame_html(listing)
    assert "the first 60 of 500 rows" in frame_text(listing)
    with pd.option_context("display.max_rows", None):
        assert "499" in frame_html(listing)


def test_as_text_it_is_an_aligned_table(frame):
    lines = frame_text(frame).splitlines()
    assert lines[0].split() == ["NAME", "DIGEST", "SIZE", "CREATED", "TOOK"]
    assert "1.23 MB" in lines[1]


class Terminal(io.StringIO):
    """Standard output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_narrow_terminal_details_are_left_out_and_named(monkeypatch):
    kinds = columns("name first? second?")
    frame = Table(kinds, [("a name", "x" * 20, "y" * 20)]).to_frame()
    assert frame_text(frame).endswith("y" * 20)
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    assert frame_text(frame).splitlines() == [
        "NAME    FIRST",
        f"a name  {'x' * 20}",
        "not shown: second",
    ]
    assert list(frame.columns) == ["name", "first", "second"]

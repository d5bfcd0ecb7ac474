"""Listings in few and in many characters."""

from __future__ import annotations

import pytest

from ocinb.layout import lines
from ocinb.table import Table, columns

DIGEST = "sha256:" + "ab" * 32
LISTING = Table(
    columns("name digest:digest size:bytes made_by origin? media_type?"),
    [
        ("demo", DIGEST, 12_345, "a long text " * 9, "somewhere", "application/x"),
        ("a-much-longer-name-than-the-other", DIGEST, 7, "", "", ""),
    ],
)


@pytest.mark.parametrize("available", [20, 30, 40, 60, 80, 120, 200, 1000])
def test_no_line_is_longer_than_the_terminal(available):
    assert max(map(len, lines(LISTING, available))) <= available


def test_in_a_wide_terminal_nothing_is_cut():
    shown = "\n".join(lines(LISTING, 1000))
    assert ("a long text " * 9).strip() in shown
    assert "MEDIA TYPE" in shown
    assert "…" not in shown


def test_details_go_before_anything_is_cut():
    shown = lines(LISTING, 80)
    assert "ORIGIN" not in shown[0]
    assert "12.3 kB" in shown[1]


def test_in_a_very_narrow_one_what_is_there_can_still_be_read():
    assert lines(LISTING, 32)[1].split() == ["demo", "abababababab", "12.3", "kB"]
    assert lines(LISTING, 24)[1].split() == ["demo", "abababababab"]
    assert lines(LISTING, 5)[1] == "demo"

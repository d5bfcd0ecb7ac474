"""Patterns for paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.insight.patterns import compiled, is_pattern


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("*.so", ["libc.so", "usr/lib/libc.so"], ["libc.so.6", "lib.so/x"]),
        ("/etc/*.conf", ["etc/a.conf"], ["etc/apt/a.conf", "x/etc/a.conf"]),
        ("usr/**/python3*", ["usr/python3", "usr/bin/python3.11"], ["opt/python3", "usr/py"]),
        ("/usr/**", ["usr/a", "usr/a/b"], ["us/a", "usr"]),
        ("a?c", ["abc", "x/abc"], ["ac", "a/c"]),
        ("[a-c]1", ["a1", "c1"], ["d1", "-1"]),
        ("[!a]1", ["b1"], ["a1", "/1"]),
        ("[]]x", ["]x"], ["x"]),
        ("a[", ["a["], ["a"]),
        ("[z-a]", [], ["z", "a", "-"]),
        ("a.c*", ["a.c", "a.cc"], ["abc"]),
    ],
)
def test_what_a_pattern_matches(pattern, matches, others):
    found = compiled(pattern)
    assert is_pattern(pattern)
    assert [path for path in [*matches, *others] if found.fullmatch(path)] == matches


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_a_path(text):
    compiled(text).fullmatch("usr/bin/env")


def test_a_path_is_no_pattern():
    assert not is_pattern("/etc/passwd")

"""Listings: typed columns, values for people, and DataFrames with the right types."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.table import (
    Table,
    aligned,
    columns,
    human_ago,
    human_bytes,
    human_duration,
    human_memory,
    parse_rfc3339,
    rfc3339,
    shown,
)

DIGEST = "sha256:" + "ab" * 32
LISTING = Table(
    columns("name digest:digest size:bytes created:time took:duration count:int"),
    [("demo", DIGEST, 1_234_567, 1_700_000_000.25, 0.00123, 3)],
)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (12345, "12.3 kB"),
        (999600, "1.00 MB"),
        (123456789, "123 MB"),
        (5 * 10**12, "5.00 TB"),
        (10**17, "100000 TB"),
    ],
)
def test_bytes_have_three_digits_and_a_decimal_unit(size, text):
    assert human_bytes(size) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1000, "1000 B"),
        (64 << 20, "64 MiB"),
        (100 << 20, "100 MiB"),
        (3 << 29, "1.5 GiB"),
        ((1 << 30) - 1, "1 GiB"),
        (1234567, "1.18 MiB"),
        (5 << 40, "5 TiB"),
    ],
)
def test_memory_is_told_in_the_units_in_which_limits_are_given(size, text):
    assert human_memory(size) == text == shown("memory", size)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (0.00085, "850 µs"),
        (0.0012, "1.20 ms"),
        (0.9999, "1.00 s"),
        (59.2, "59.2 s"),
        (125, "2 min 5 s"),
        (3 * 3600 + 600, "3 h 10 min"),
        (-0.5, "-500 ms"),
    ],
)
def test_durations_choose_their_unit(seconds, text):
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (0, "just now"),
        (1, "1 second ago"),
        (119, "1 minute ago"),
        (7200, "2 hours ago"),
        (86400 * 8, "1 week ago"),
        (86400 * 800, "2 years ago"),
        (-3600, "2023-11-14 23:13"),
    ],
)
def test_times_are_told_from_now(passed, text):
    assert human_ago(1_700_000_000 - passed, 1_700_000_000) == text


def test_a_listing_as_text_is_aligned_numbers_to_the_right():
    listing = Table(columns("name size:bytes"), [("a", 5), ("longer", 12_345)])
    assert repr(listing).splitlines() == ["NAME       SIZE", "a           5 B", "longer  12.3 kB"]


def test_a_digest_is_short_for_people_and_whole_on_request():
    rows = LISTING.rows
    assert DIGEST not in aligned(LISTING.kinds, rows)
    assert "abababababab" in aligned(LISTING.kinds, rows)
    assert DIGEST in aligned(LISTING.kinds, rows, short=False)


def test_a_hostile_name_cannot_break_the_line_or_send_escapes():
    listing = Table(columns("name"), [("a\nb\x1b[31mc",)])
    assert len(repr(listing).splitlines()) == 2
    assert "\x1b" not in repr(listing)


def test_records_are_plain_json_with_stable_keys():
    assert LISTING.records() == [
        {
            "name": "demo",
            "digest": DIGEST,
            "size": 1_234_567,
            "created": "2023-11-14T22:13:20.250000Z",
            "took": 0.00123,
            "count": 3,
        }
    ]


def test_a_dataframe_has_plain_columns_of_the_right_types():
    frame = LISTING.to_frame()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "name": "str",
        "digest": "str",
        "size": "int64",
        "created": "datetime64[ns, UTC]",
        "took": "float64",
        "count": "int64",
    }
    assert frame["digest"][0] == DIGEST
    assert frame["created"][0].timestamp() == 1_700_000_000.25


def test_an_empty_listing_has_the_same_types():
    empty = Table(LISTING.columns, []).to_frame()
    assert empty.dtypes.equals(LISTING.to_frame().dtypes)


def test_missing_values_stay_missing():
    frame = Table(LISTING.columns, [("demo", None, None, None, None, None)]).to_frame()
    assert frame.iloc[0, 1:].isna().all()
    assert str(frame["size"].dtype) == "Int64"


def test_columns_are_told_in_a_short_text():
    made = columns("name size:bytes chain_id:digest?")
    assert [(c.name, c.kind, c.detail) for c in made] == [
        ("name", "text", False),
        ("size", "bytes", False),
        ("chain_id", "digest", True),
    ]
    with pytest.raises(ValueError, match="parrots"):
        columns("name:parrots")


def test_a_column_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        LISTING.column("nothing")


@given(st.integers(0, 4_000_000_000))
def test_times_survive_their_text(seconds):
    assert parse_rfc3339(rfc3339(float(seconds))) == seconds


@pytest.mark.parametrize("text", [None, "", "yesterday", "2025-13-40T00:00:00Z"])
def test_what_is_no_time_is_none(text):
    assert parse_rfc3339(text) is None


@given(st.floats(0, 1e9, allow_nan=False), st.sampled_from(["duration", "time", "clock"]))
def test_every_number_can_be_shown(value, kind):
    assert shown(kind, value)

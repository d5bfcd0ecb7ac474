"""How a container's health is checked: the image's words, a person's words, and defaults."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.bundle.options import Health
from ocinb.engine.health import HealthCheck, health_check, parse_command
from ocinb.errors import CommandError

SECOND = 10**9
IMAGE = {"Test": ["CMD", "probe", "-x"], "Interval": 5 * SECOND, "Timeout": SECOND, "Retries": 7}


def test_without_a_check_there_is_none() -> None:
    assert health_check(Health(), None) is None
    assert health_check(Health(), {"Test": ["NONE"]}) is None


def test_the_images() -> None:
    assert health_check(Health(), IMAGE) == HealthCheck(
        command=("probe", "-x"), interval=5.0, timeout=1.0, start_period=0.0, retries=7
    )
    line = health_check(Health(), {"Test": ["CMD-SHELL", "a || b"]})
    assert line == HealthCheck(command=("/bin/sh", "-c", "a || b"))
    assert (line.interval, line.timeout, line.retries) == (30.0, 30.0, 3)


def test_a_persons_word_counts_more() -> None:
    wished = Health(command=("other",), timeout=9.0, start_period=2.0)
    assert health_check(wished, IMAGE) == HealthCheck(
        command=("other",), interval=5.0, timeout=9.0, start_period=2.0, retries=7
    )
    assert health_check(Health(off=True), IMAGE) is None


def test_how_often_without_what() -> None:
    with pytest.raises(CommandError, match="there is nothing to check"):
        health_check(Health(retries=3), {"Test": ["NONE"]})


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("test -e /x", ("/bin/sh", "-c", "test -e /x")),
        ('["test", "-e"]', ("test", "-e")),
        ('["CMD", "test", "-e"]', ("test", "-e")),
        ('["CMD-SHELL", "a | b"]', ("/bin/sh", "-c", "a | b")),
    ],
)
def test_commands(text: str, command: tuple[str, ...]) -> None:
    assert parse_command(text) == command


@pytest.mark.parametrize("text", ["", "  ", "[", "[]", "[1]", '["a", 2]', '["a\\u0000"]'])
def test_what_is_no_command(text: str) -> None:
    with pytest.raises(CommandError, match="--health-cmd"):
        parse_command(text)


@given(
    st.dictionaries(
        st.sampled_from(["Test", "Interval", "Timeout", "StartPeriod", "Retries"]),
        st.none() | st.integers() | st.text() | st.floats() | st.lists(st.text() | st.integers()),
    )
)
def test_whatever_an_image_says(said: dict[str, Any]) -> None:
    check = health_check(Health(), said)
    if check is not None:
        assert check.command
        assert all(isinstance(word, str) and "\0" not in word for word in check.command)
        assert check.interval >= 0.1
        assert check.timeout > 0
        assert check.start_period >= 0
        assert check.retries > 0

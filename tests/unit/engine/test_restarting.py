"""Restart policies: what they say, and how long is waited."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.engine.container_files import ContainerFiles, write_json
from ocinb.engine.restarting import RestartPolicy, Restarts, halt
from ocinb.errors import CommandError


@pytest.mark.parametrize("text", ["no", "always", "unless-stopped", "on-failure", "on-failure:3"])
def test_a_policy_is_written_as_it_is_read(text: str) -> None:
    assert str(RestartPolicy.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "alway", "always:3", "on-failure:", "on-failure:x", "on-failure:-1", "on-failure:1" * 9,
     "no:1", "on-failure:²", "ALWAYS"],
)  # fmt: skip
def test_what_is_no_policy_is_told_what_is_one(text: str) -> None:
    with pytest.raises(CommandError, match="is not a policy") as caught:
        RestartPolicy.parse(text)
    assert caught.value.hint == "one of no, on-failure, on-failure:TIMES, always, unless-stopped"


@pytest.mark.parametrize(
    ("text", "status", "times", "wants"),
    [
        ("no", 1, 0, False),
        ("always", 0, 10**6, True),
        ("unless-stopped", 1, 10**6, True),
        ("on-failure", 0, 0, False),
        ("on-failure", 137, 10**6, True),
        ("on-failure:2", 1, 1, True),
        ("on-failure:2", 1, 2, False),
        ("on-failure:0", 1, 10**6, True),
    ],
)
def test_what_a_policy_wants(text: str, status: int, times: int, wants: bool) -> None:
    assert RestartPolicy.parse(text).wants(status, times) is wants


@pytest.fixture
def files(tmp_path: Path) -> ContainerFiles:
    """Of a container that was started, and is always run again."""
    found = ContainerFiles(str(tmp_path))
    write_json(found.record, {"restart": dict(RestartPolicy.parse("always"))})
    write_json(found.started, {"time": 1.0})
    return found


def test_each_time_is_waited_twice_as_long_up_to_a_minute(files: ContainerFiles) -> None:
    restarts = Restarts(files)
    delays = [restarts.delay(1, 0.5) for _ in range(12)]
    assert delays[:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert delays[-2:] == [60.0, 60.0]


def test_after_a_run_that_was_long_enough_it_begins_anew(files: ContainerFiles) -> None:
    restarts = Restarts(files)
    assert [restarts.delay(1, seconds) for seconds in (0, 0, 9.9, 10, 0)] == [
        0.1, 0.2, 0.4, 0.1, 0.2,
    ]  # fmt: skip


def test_what_was_never_started_is_not_started_by_its_end(files: ContainerFiles) -> None:
    Path(files.started).unlink()
    assert Restarts(files).delay(1, 0) is None


def test_what_is_to_end_is_not_run_again(files: ContainerFiles) -> None:
    restarts = Restarts(files)
    restarts.halted = True
    assert restarts.delay(1, 0) is None


def test_telling_a_monitor_that_is_not_there_is_no_error(files: ContainerFiles) -> None:
    halt(files)

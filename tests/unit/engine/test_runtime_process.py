"""The command line of an OCI runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.engine.operations import signal_number
from ocinb.engine.runtime_process import complaint, find_runtime
from ocinb.errors import CommandError, UnsupportedHost


def test_options_come_first_and_events_only_for_ours() -> None:
    ours = find_runtime("ocinb", "/state")
    assert ours.ours
    assert ours.argv[1:3] == ("-I", "-S")
    argv = ours.command("create", "--bundle", "/b", "id", log="/l", events="/e")
    assert argv[len(ours.argv) :] == (
        "--root", "/state", "--log", "/l", "--log-format", "json", "--events", "/e",
        "create", "--bundle", "/b", "id",
    )  # fmt: skip
    other = find_runtime("/bin/true", "/state")
    assert other.command("state", "id", events="/e") == (
        "/bin/true",
        "--root",
        "/state",
        "state",
        "id",
    )


@pytest.mark.parametrize("name", ["no-such-runtime", "/no/such", "/etc/passwd", "/etc"])
def test_a_runtime_that_is_not_there_is_one_sentence(name: str) -> None:
    with pytest.raises(UnsupportedHost, match=f"there is no OCI runtime {name}"):
        find_runtime(name, "/state")


def test_the_last_error_of_a_log_is_the_complaint(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert complaint(str(log)) == ""
    log.write_text(
        '{"level": "error", "msg": "first"}\n{"level": "error", "msg": "second"}\n'
        '{"level": "warning", "msg": "only a warning"}\nnot json\n'
    )
    assert complaint(str(log)) == "second"


@pytest.mark.parametrize("signal", ["TERM", "SIGTERM", "term", "15", 15])
def test_signals_have_names_and_numbers(signal: str | int) -> None:
    assert signal_number(signal) == 15


@pytest.mark.parametrize("signal", ["", "NOPE", "0", "-9", "999", "SIG_IGN", "９"])
def test_what_is_not_a_signal_is_refused(signal: str) -> None:
    with pytest.raises(CommandError, match="is not a signal"):
        signal_number(signal)

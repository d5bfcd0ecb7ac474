"""A rehearsal leaves nothing behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ocinb.engine.rehearsal import rehearse


def test_it_changes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def seen() -> object:
        handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
        return os.listdir("/proc/self/fd"), os.getcwd(), handlers, os.listdir(tmp_path)

    rehearse()  # what is imported then stays
    before = seen()
    rehearse()
    assert seen() == before
    assert capfd.readouterr() == ("", "")

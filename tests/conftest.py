"""What every test may rely on."""

from __future__ import annotations

import os
import signal

import pytest

# Whoever starts the tests in the background of a shell gives them an ignored SIGINT, and so to
# every program that they start: Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need the superuser fail in CI and are skipped for anybody else."""
    if os.geteuid() == 0 or os.environ.get("CI") == "true":
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs the superuser: run as root"))

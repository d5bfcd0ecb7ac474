"""Fixtures of tests with an engine: where it works, by which runtime, and that nothing is left.

A ``conftest.py`` imports them, and has a fixture ``images_store``: a store that each test copies.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from ocinb.events import Recorder
from ocinb.overlay.trees import remove_tree
from ocinb.settings import Settings
from tests.support.leftovers import clear, leftovers
from tests.support.peers import require

T = TypeVar("T")

ORDINARY = 1000
"""The id of a user that is nobody in particular."""
CRUN = """\
#!/bin/sh
# crun 1.8.1 stumbles over a cgroup2 hierarchy that has no controllers.
exec unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"' crun "$@"
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user can reach, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-test-"))
    directory.chmod(0o755)
    yield directory
    left = leftovers(directory)
    if left:
        clear(directory)
    remove_tree(str(directory))
    assert left == []


@pytest.fixture
def settings(place: Path, images_store: Path) -> Settings:
    """Directories of the test's own, with images."""
    shutil.copytree(images_store, place / "root/store")
    return Settings(root=place / "root", run_root=place / "run")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(params=["ocinb", "runc", "crun"])
def runtime(request: pytest.FixtureRequest, place: Path) -> str:
    """Each OCI runtime, so that a test says the same of all."""
    name: str = request.param
    if name != "ocinb":
        require(name)
    if name != "crun":
        return name
    wrapper = place / "crun"
    wrapper.write_text(CRUN)
    wrapper.chmod(0o755)
    return str(wrapper)


def until(condition: Callable[[], T], seconds: float = 20) -> T:
    """Wait for something that happens in another process; what the condition gave then."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found

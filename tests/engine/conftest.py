"""An engine of its own for each test, and proof that nothing is left of it afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.events import Recorder
from ocinb.overlay.trees import remove_tree
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from tests.support.leftovers import clear, leftovers
from tests.support.peers import require, require_system_python

ORDINARY = 1000
CRUN = """\
#!/bin/sh
# crun 1.8.1 stumbles over a cgroup2 hierarchy that has no controllers.
exec unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"' crun "$@"
"""


@pytest.fixture(scope="session")
def demo_store() -> Iterator[Path]:
    """A store with the demo image; the tests copy it."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-test-store-"))
    store = Store(directory)
    store.names.set(str(Reference.parse("demo")), demo_image(store))
    yield directory
    shutil.rmtree(directory)


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
def settings(place: Path, demo_store: Path) -> Settings:
    shutil.copytree(demo_store, place / "root/store")
    return Settings(root=place / "root", run_root=place / "run")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def engine(settings: Settings, recorder: Recorder) -> Iterator[Engine]:
    """An engine with the image ``demo``; a test must leave no container."""
    made = Engine(settings, recorder)
    yield made
    left = made.containers.all()
    for record in left:
        made.containers.delete(record.id, force=True)
    assert left == []
    assert not settings.runtime_state.exists() or list(settings.runtime_state.iterdir()) == []


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


Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(params=["superuser", "ordinary user"])
def program(request: pytest.FixtureRequest, settings: Settings, place: Path) -> Iterator[Program]:
    """Starts Python programs that have an ``engine``, as either kind of user."""
    prefix: list[str] = []
    if request.param == "ordinary user":
        require_system_python()
        user = str(ORDINARY)
        prefix = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
        for path in [place, *place.rglob("*")]:
            os.lchown(path, ORDINARY, ORDINARY)

    started: list[subprocess.Popen[str]] = []

    def start(text: str) -> subprocess.Popen[str]:
        source = (
            "from ocinb.bundle.options import ContainerOptions as Options\n"
            "from ocinb.engine import Engine\nfrom ocinb.settings import Settings\n"
            "import os, pathlib, signal, sys, time\n"
            f"place = pathlib.Path({str(place)!r})\n"
            "engine = Engine(Settings(root=place / 'root', run_root=place / 'run'))\n"
            f"{text}"
        )
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", source],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"], "HOME": str(place)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def finish(process: subprocess.Popen[str], seconds: float = 30) -> str:
    """What a program printed; its failure is the test's."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that happens in another process."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)

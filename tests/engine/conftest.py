"""An engine of its own for each test, and proof that nothing is left of it afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.events import Recorder
from ocinb.settings import Settings
from ocinb.spec.reference import Reference
from tests.support.peers import require_system_python
from tests.support.workplace import ORDINARY, place, recorder, runtime, settings


@pytest.fixture(scope="session")
def images_store() -> Iterator[Path]:
    """A store with the demo image; the tests copy it."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-test-store-"))
    store = Store(directory)
    store.names.set(str(Reference.parse("demo")), demo_image(store))
    yield directory
    shutil.rmtree(directory)


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


Program = Callable[..., "subprocess.Popen[str]"]
PATIENT = "from ocinb.engine import attached; attached.INSISTING = ((2, 20.0), (9, 10.0))\n"
"""Begins a program: however slow this machine is, who listens to Ctrl-C is not killed."""


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

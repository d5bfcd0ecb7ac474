"""Ctrl-C while a container runs: it ends, everything is tidied up, and then the cell fails."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time

import pytest

from ocinb.build.demo import demo_image
from ocinb.container import Container
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.settings import Settings
from tests.support.doors import opened
from tests.support.interruptions import runs
from tests.support.leftovers import leftovers
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow]

TRAPPING = "trap 'exit 0' INT; while :; do sleep 0.05; done"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "tmp").mkdir()
    store = Store(tmp_path / "root/store")
    store.names.set("docker.io/library/demo:latest", demo_image(store))
    yield tmp_path
    assert leftovers(tmp_path) == []
    shutil.rmtree(tmp_path)


def press_when(it_may):
    """Ctrl-C for this process, some time after it may come."""

    def press():
        until(it_may)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread


def started(place):
    """Whether a container's program runs."""
    return list(place.glob("root/containers/*/started"))


@pytest.mark.parametrize("script", [TRAPPING, "exec sleep 60"], ids=["it listens", "it does not"])
def test_a_cell_fails_and_leaves_nothing(place, script):
    with opened("notebook", place / "root", place / "run", place / "tmp") as door:
        thread = press_when(lambda: started(place))
        answer = door("run", "--rm", "demo", "sh", "-c", script)
        thread.join()
        assert answer.failed
        assert answer.shown[-1] == "interrupted"
        assert not list(place.glob("root/containers/*/container.json"))
        # The shell lives on.
        assert not door("ps").failed


def test_what_a_command_in_a_container_has_begun_ends_with_it(place):
    with opened("notebook", place / "root", place / "run", place / "tmp") as door:
        door("run", "--detach", "--name", "box", "demo", "sleep", "1000")
        thread = press_when(lambda: runs("60.4712"))
        answer = door("exec", "box", "sh", "-c", "sleep 60.4712; echo over")
        thread.join()
        assert answer.shown[-1] == "interrupted"
        until(lambda: not runs("60.4712"))
        assert not door("rm", "--force", "box").failed


def test_in_python_too(place):
    engine = Engine(Settings(root=place / "root", run_root=place / "run"))
    thread = press_when(lambda: started(place))
    with pytest.raises(KeyboardInterrupt):
        Container.run(engine, "demo", "sh", "-c", TRAPPING)
    thread.join()
    assert engine.containers.all() == []

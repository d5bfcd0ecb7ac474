"""Somebody is killed at any moment: what is told is true, and all of it can be removed.

``OCINB_KILL_ROUNDS=100 python -m pytest tests/engine/test_killed.py`` for more rounds.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ocinb.engine import Engine
from ocinb.engine.happenings import FILE
from ocinb.engine.repair import repair_mounts
from ocinb.errors import ContainerNotFound
from ocinb.linux.processes import descendants
from ocinb.settings import Settings
from tests.support.leftovers import leftovers
from tests.support.workplace import until

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(900)]

ROUNDS = int(os.environ.get("OCINB_KILL_ROUNDS", "4"))
KERNEL = """\
import pathlib
from ocinb.bundle.options import ContainerOptions as Options
from ocinb.engine import Engine
from ocinb.engine.joining import FurtherProcess
from ocinb.engine.launcher_process import launcher
from ocinb.settings import Settings
place = pathlib.Path({place!r})
engine = Engine(Settings(root=place / "root", run_root=place / "run"))
script = "i=0; while [ $i -lt 30 ]; do echo line $i; i=$((i+1)); done; sleep 0.2; exit 7"
print(launcher().pid, flush=True)
for number in range(100):
    try:
        engine.run("demo", Options(args=["sh", "-c", script]), name=f"d{{number}}", detach=True)
        true = FurtherProcess(args=["true"])
        engine.containers.exec(f"d{{number}}", true, output=lambda d, s: None)
        engine.run("demo", Options(args=["sh", "-c", script]), output=lambda d, s: None)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


def processes_of(place: Path, file: str) -> list[int]:
    found = []
    for path in place.glob(f"root/containers/*/{file}"):
        with contextlib.suppress(OSError, ValueError):
            found.append(json.loads(path.read_text())["pid"])
    return found


def waiting(pid: int) -> list[int]:
    """The children of a launcher, and theirs, that wait for the next container."""
    found = []
    for child in descendants(pid):
        with contextlib.suppress(OSError):
            if b"(of the next container)" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def kill_any(pids: list[int]) -> None:
    """SIGKILL to one of them that belongs to us still."""
    for pid in random.sample(pids, len(pids)):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            return


@pytest.mark.parametrize(
    "victim", ["kernel", "launcher", "who waits", "monitor", "container", "all of them"]
)
def test_killed_at_any_moment(place: Path, settings: Settings, victim: str) -> None:
    for number in range(ROUNDS):
        random.seed(f"{victim} {number}")
        _round(place, settings, victim)


def _round(place: Path, settings: Settings, victim: str) -> None:
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL.format(place=str(place))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert kernel.stdout is not None
    launcher = int(kernel.stdout.readline())
    time.sleep(random.uniform(0.0, 0.8))
    kill: dict[str, Callable[[], None]] = {
        "kernel": kernel.kill,
        "who waits": lambda: kill_any(waiting(launcher)),
        "launcher": lambda: kill_any([launcher]),
        "monitor": lambda: kill_any(processes_of(place, "monitor.json")),
        "container": lambda: kill_any(processes_of(place, "init.json")),
    }
    for each in kill if victim == "all of them" else [victim]:
        kill[each]()
    time.sleep(random.uniform(0.0, 0.3))
    kernel.kill()
    kernel.wait()
    kernel.stdout.close()
    try:
        _check(place, settings)
    finally:
        with contextlib.suppress(OSError):
            os.kill(launcher, signal.SIGKILL)


def _check(place: Path, settings: Settings) -> None:
    engine = Engine(settings)
    for record in engine.containers.all():
        # The truth is what /proc says.
        alive = record.pid > 0 and os.path.exists(f"/proc/{record.pid}")
        if not alive and record.status not in ("stopped", "creating"):
            until(partial(_ended, engine, record.id))  # just now: its monitor notes it
        assert record.exit_status in (None, 7, 137)
    for record in engine.containers.all():
        with contextlib.suppress(ContainerNotFound):  # its monitor was quicker
            engine.containers.delete(record.id, force=True)
    repair_mounts(engine)
    assert engine.containers.all() == []
    assert leftovers(place) == []
    assert not settings.runtime_state.exists() or list(settings.runtime_state.iterdir()) == []
    assert list((settings.containers).glob("[!.]*")) == []
    groups = {path.name for path in Path("/sys/fs/cgroup").glob("*/ocinb-*")}
    assert groups & {f"ocinb-{container}" for container in _ever(settings)} == set()


def _ever(settings: Settings) -> set[str]:
    """All containers that there ever were."""
    path = settings.containers / FILE
    lines = path.read_text().splitlines() if path.exists() else []
    return {json.loads(line)["container"] for line in lines}


def _ended(engine: Engine, container: str) -> bool:
    return all(r.id != container or r.status == "stopped" for r in engine.containers.all())

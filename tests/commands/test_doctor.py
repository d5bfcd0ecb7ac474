"""``doctor`` in three situations, and what it repairs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.build.demo import demo_image
from ocinb.bundle.options import ContainerOptions
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.content.store import Store
from ocinb.engine import Engine
from ocinb.engine.container_files import Process
from ocinb.engine.repair import MONITOR_KILLED, YOUNG
from ocinb.overlay.manager import MountManager
from ocinb.settings import Settings
from tests.support.peers import require, require_system_python

pytestmark = [pytest.mark.root, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
USER = "1000"
SITUATIONS = {
    "superuser": [],
    "ordinary user": ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"],
    "pod": [sys.executable, "tests/support/pod.py", USER],
    "pod without tracing": [sys.executable, "tests/support/pod.py", "--no-ptrace", USER],
}


def examine(place: Path, situation: str) -> dict[str, dict[str, Any]]:
    """The rows of ``ocinb doctor``, by subject; what stands under a rung with its name before."""
    require_system_python()
    done = subprocess.run(
        [*SITUATIONS[situation], sys.executable, "-m", "ocinb", "doctor", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(place),
            "OCINB_ROOT": str(place / "root"),
            "OCINB_RUN_ROOT": str(place / "run"),
        },
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = {}
    above = ""
    for row in json.loads(done.stdout):
        inner = row["subject"].startswith("  ")
        above = above if inner else row["subject"]
        name = f"{above}: {row['subject'].strip()}" if inner else row["subject"]
        found.setdefault(name, row)
        found[name]["all"] = [*found[name].get("all", ()), row["finding"]]
    return found


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that every user can write to."""
    place = tmp_path_factory.mktemp("doctor")
    for path in (place, *place.parents):
        if path == Path("/tmp"):
            break
        path.chmod(0o755)
    place.chmod(0o777)
    return place


@pytest.mark.peer
@pytest.mark.parametrize(
    ("situation", "works"),
    [
        ("superuser", ["root", "user namespace", "proot", "fakechroot"]),
        ("ordinary user", ["user namespace", "proot", "fakechroot"]),
        ("pod", ["proot", "fakechroot"]),
        ("pod without tracing", ["fakechroot"]),
    ],
)
def test_the_ladder_in_each_situation(place: Path, situation: str, works: list[str]) -> None:
    for program in ("proot", "fakechroot"):
        require(program)
    found = examine(place, situation)
    rungs = ["root", "user namespace", "proot", "fakechroot"]
    assert [rung for rung in rungs if found[f"containers, {rung}"]["works"] == "yes"] == works
    assert found[f"containers, {works[0]}"]["finding"].endswith("(this is the one that is used)")
    for rung in set(rungs) - set(works):
        assert "operation not permitted" in found[f"containers, {rung}"]["finding"]
        assert found[f"containers, {rung}: to enable"]["finding"]
    assert any("not isolated" in loss for loss in found["containers, fakechroot: lost"]["all"])
    assert found["images without containers"]["works"] == "yes"
    assert list(place.glob("root/probe-*")) == []


@pytest.mark.peer
@pytest.mark.parametrize(
    ("situation", "works", "said"),
    [
        ("superuser", "yes", "they run as root, isolated"),
        ("ordinary user", "yes", "they run in a user namespace, isolated"),
        ("pod", "yes", "they run by proot: with an image's files, but not isolated"),
        ("pod without tracing", "yes", "they run by fakechroot: with an image's files, but not"),
    ],
)
def test_the_first_line_says_it_in_short(
    place: Path, situation: str, works: str, said: str
) -> None:
    found = examine(place, situation)
    assert next(iter(found)) == "containers"
    assert (found["containers"]["works"], found["containers"]["finding"][: len(said)]) == (
        works,
        said,
    )


@pytest.mark.peer
def test_what_has_no_meaning_without_namespaces_is_not_said_to_work(place: Path) -> None:
    found = examine(place, "pod")
    assert found["runtime ocinb"]["works"] == "no"
    assert "proot takes its place" in found["runtime ocinb"]["finding"]
    assert not any("this is the one" in str(row) for name, row in found.items() if "runt" in name)
    assert found["network"]["finding"].startswith("containers have this machine's")
    assert "network of an ordinary user" not in found
    assert "subordinate ids" not in found


def test_what_an_ordinary_user_lacks_comes_with_what_would_give_it(place: Path) -> None:
    found = examine(place, "ordinary user")
    for subject, enabling in (
        ("subordinate ids", "usermod --add-subuids 100000-165535"),
        ("network of an ordinary user", "chmod 666 /dev/net/tun"),
    ):
        assert (found[subject]["works"] == "no") == (f"{subject}: to enable" in found)
        if found[subject]["works"] == "no":
            assert enabling in found[f"{subject}: to enable"]["finding"]


def test_what_holds_a_process_back_is_told(place: Path) -> None:
    told = examine(place, "pod")["user"]["finding"]
    assert told.startswith("an ordinary user, id 1000; no capability can be had")
    assert "no new privileges, a filter of system calls" in told


def test_control_groups_that_are_not_delegated_say_what_would(place: Path) -> None:
    found = examine(place, "ordinary user")
    assert found["control groups"]["works"] == "no"
    assert "not delegated" in found["control groups"]["finding"]
    assert "the superuser must give" in found["control groups: to enable"]["finding"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    settings = Settings(root=tmp_path / "root", run_root=tmp_path / "run")
    store = Store(settings.store)
    store.names.set("docker.io/library/demo:latest", demo_image(store))
    engine = Engine(settings)
    yield engine
    for record in engine.containers.all():
        engine.containers.delete(record.id, force=True)


def repair(engine: Engine) -> list[tuple[str, str, str, str]]:
    """What was repaired; control groups, which all engines of the machine share, left out."""
    rows: list[tuple[str, str, str, str]] = tree.call(
        ["doctor", "--repair"], Session(engine.settings)
    ).rows
    return [row for row in rows if row[0] != "control group"]


def kill(directory: Path, name: str) -> None:
    written = json.loads((directory / f"{name}.json").read_text())
    process = Process(pid=written["pid"], started=written["started"])
    os.kill(process.pid, signal.SIGKILL)
    while process.alive:
        time.sleep(0.01)


def test_a_container_whose_monitor_was_killed_is_cleaned_up_and_kept(engine: Engine) -> None:
    engine.run("demo", ContainerOptions(args=["sleep", "100"]), name="box", detach=True)
    directory = engine.settings.containers / engine.containers.get("box").id
    assert repair(engine) == []  # all is well
    kill(directory, "monitor")
    ((what, name, works, done),) = repair(engine)
    assert (what, name, works) == ("container", "box", "no")
    assert done.startswith("left alone: it is running without its monitor; ocinb rm --force box")
    assert engine.containers.get("box").status == "running"
    kill(directory, "init")
    while engine.containers.get("box").status == "running":
        time.sleep(0.02)
    rows = repair(engine)
    assert rows[0] == ("container", "box", "yes", "cleaned up after its monitor was killed")
    assert engine.containers.get("box").error == MONITOR_KILLED
    assert list(Path("/sys/fs/cgroup").glob(f"*/*{directory.name}")) == []
    assert list(engine.settings.runtime_state.iterdir()) == []
    assert repair(engine) == []
    engine.containers.delete("box")


def test_mounts_of_a_process_that_was_killed_are_undone(engine: Engine, tmp_path: Path) -> None:
    layers = engine.images.unpack(engine.images.get("demo"))
    pid = os.fork()
    if pid == 0:
        MountManager(engine.settings.mounts, scratch=engine.settings.root).mount(
            layers, tmp_path / "tree"
        )
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.path.ismount(tmp_path / "tree")
    assert ("mount", str(tmp_path / "tree"), "yes", "unmounted") in repair(engine)
    assert not (tmp_path / "tree").exists()


def test_what_has_no_owner_goes_once_it_is_old(engine: Engine) -> None:
    name = os.urandom(6).hex()
    group = Path("/sys/fs/cgroup/pids") / f"ocinb-{name}"
    if not group.parent.is_dir():
        group = Path("/sys/fs/cgroup") / f"ocinb-{name}"
    scratch = engine.settings.root / f"probe-{name}"
    state = engine.settings.runtime_state / name
    made = [group, scratch, state]
    for path in made:
        path.mkdir(parents=True)
    try:
        found = {row[1] for row in repair(engine)}
        assert not found & set(map(str, made))  # it may just be being made
        long_ago = time.time() - 2 * YOUNG
        for path in made[1:]:
            os.utime(path, (long_ago, long_ago))
        assert {row[1] for row in repair(engine)} >= set(map(str, made[1:]))
        assert not scratch.exists()
        assert not state.exists()
    finally:
        group.rmdir()

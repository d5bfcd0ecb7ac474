"""That a container's memory limit was reached is said, wherever its end is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.engine import out_of_memory
from ocinb.engine.out_of_memory import OutOfMemory
from ocinb.events import Warned
from ocinb.linux.cgroup import Cgroup
from ocinb.linux.syscalls import Kernel
from tests.support.door import Door, open_door

GROWING = "x=0123456789abcdef; while :; do x=$x$x; done"
SAID = "out of memory: the kernel killed a process, for the limit of 20 MiB was reached (--memory)"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as door:
        store = Store(door.session.settings.store)
        store.names.set("docker.io/library/demo:latest", demo_image(store))
        yield door


def warnings(door: Door) -> list[str]:
    return [e.message for e in door.session.recorder.events if isinstance(e, Warned)]


@pytest.mark.root
@pytest.mark.parametrize("runtime", ["ocinb", "runc"])
def test_a_program_that_grows_beyond_its_limit(door: Door, runtime: str) -> None:
    options = ("--runtime", runtime, "--memory", "20m", "--name", "grows")
    ran = door("run", *options, "demo", "sh", "-c", GROWING)
    assert ran.container.exit_status == 137
    assert SAID in warnings(door)
    assert door("inspect", "grows")["out_of_memory"] == SAID
    assert door("ps", "--all").column("error") == [SAID]
    assert door("events", "--since", "1h", "--filter", "event=oom").column("name") == ["grows"]


@pytest.mark.root
def test_a_child_that_does_while_the_program_goes_on(door: Door) -> None:
    script = f"sh -c '{GROWING}'; echo goes on"
    ran = door("run", "--rm", "--memory", "20m", "demo", "sh", "-c", script)
    assert ran.container.exit_status == 0
    assert "goes on\n" in door.output()
    assert SAID in warnings(door)


@pytest.mark.root
def test_one_that_is_killed_by_somebody_is_not_out_of_memory(door: Door) -> None:
    door("run", "--name", "killed", "--memory", "20m", "demo", "sh", "-c", "kill -9 $$; sleep 9")
    door("run", "-d", "--name", "other", "--memory", "20m", "demo", "sleep", "100")
    door("kill", "other")
    door("wait", "other")
    assert door("inspect", "other")["exit_status"] == 137
    assert door("inspect", "other")["out_of_memory"] == ""
    assert not any("out of memory" in message for message in warnings(door))


@pytest.mark.parametrize(
    ("version", "files"),
    [
        (1, {"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3",
             "memory.limit_in_bytes": "67108864"}),
        (2, {"memory.events": "low 0\nhigh 0\nmax 9\noom 1\noom_kill 3", "memory.max": "67108864"}),
    ],
)  # fmt: skip
def test_both_versions_of_control_groups_are_read(
    version: int, files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    key = "" if version == 2 else "memory"
    group = Cgroup(Kernel(), {key: str(tmp_path), "memory": str(tmp_path)}, (), version)
    monkeypatch.setattr(out_of_memory, "cgroup_of", lambda kernel, pid: group)
    assert OutOfMemory(Kernel(), 1).found() == {
        "out_of_memory": "out of memory: the kernel killed 3 processes, for the limit of 64 MiB "
        "was reached (--memory)"
    }
    (tmp_path / next(iter(files))).write_text("oom_kill 0")
    assert OutOfMemory(Kernel(), 1).found() == {}

"""A failure in each of the thirteen steps: it ends as the lifecycle says, and leaves nothing.

The failures are made from outside, by what a bundle holds, by hooks, by signals and by limits: the
runtime under test is the one that people use.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.remains import check_nothing_left
from tests.support.runtimes import Bundle, RuntimeProgram, alive, wait_until

Change = Callable[[Bundle], Any]
TREE = Path("/sys/fs/cgroup/pids")


@dataclass(frozen=True)
class Injection:
    """A failure of create or start.

    Attributes:
        step: of the lifecycle.
        change: what is wrong with the bundle.
        said: part of the error.
        poststop: whether the lifecycle goes on at step 12, and so comes to the poststop hooks.
    """

    step: int
    change: Change
    said: str
    poststop: bool


def hook(stage: str, **more: Any) -> Change:
    """A hook that is called at a stage, before any other."""

    def change(bundle: Bundle) -> None:
        entry = {"path": "/bin/false", **more}
        bundle.config.setdefault("hooks", {}).setdefault(stage, []).insert(0, entry)

    return change


def script(stage: str, text: str, **more: Any) -> Change:
    """A hook that is a shell script."""
    return hook(stage, path="/bin/sh", args=["sh", "-c", text], env=["PATH=/bin"], **more)


def program(content: bytes) -> Change:
    """The program is a file of this content."""

    def change(bundle: Bundle) -> None:
        path = bundle.directory / "program"
        path.write_bytes(content)
        path.chmod(0o755)
        bundle.mount("/tmp/program", "bind", str(path), "bind")
        bundle.process["args"] = ["/tmp/program"]

    return change


def full_group(bundle: Bundle) -> None:
    """The control group above has no room for another process, which a time namespace needs."""
    bundle.linux["namespaces"].append({"type": "time"})
    above = TREE / bundle.linux["cgroupsPath"].lstrip("/")
    above.mkdir(parents=True)
    (above / "pids.max").write_text("1")
    bundle.linux["cgroupsPath"] += "/inner"


def limit(bundle: Bundle) -> None:
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2**30}]


def no_such_directory(bundle: Bundle) -> None:
    bundle.config["root"]["path"] = "/no/such"


CREATE = {
    "2: the root filesystem is missing": Injection(2, no_such_directory, "/no/such", False),
    "2: a mount's source is missing": Injection(
        2, lambda b: b.mount("/mnt", "bind", "/no/such", "bind"), "mounts[3] (/mnt)", False),
    "2: a filesystem is unknown": Injection(
        2, lambda b: b.mount("/mnt", "nosuchfs", "x"), "mounts[3] (/mnt)", False),
    "2: a mount has an option that is refused": Injection(
        2, lambda b: b.mount("/mnt", "tmpfs", "x", "size=none"), "mounts[3] (/mnt)", False),
    "2: the second of two mounts": Injection(
        2, lambda b: b.mount("/mnt", "tmpfs", "x").mount("/mnt/a", "bind", "/no/such", "bind"),
        "mounts[4] (/mnt/a)", False),
    "2: a namespace cannot be joined": Injection(
        2, lambda b: b.linux["namespaces"][1].update(path="/proc/self/ns/uts"), "network", False),
    "2: a device cannot be made": Injection(
        2, lambda b: b.linux.update(devices=[{"path": "/etc/passwd", "type": "c", "major": 1,
                                              "minor": 3}]), "/etc/passwd", False),
    "2: a parameter is refused": Injection(
        2, lambda b: b.linux.update(sysctl={"net.core.somaxconn": "x"}), "somaxconn", False),
    "2: a limit of a control group is refused": Injection(
        2, lambda b: b.linux["resources"].update(cpu={"quota": 1}), "cpu.quota", False),
    "2: a control group is full": Injection(2, full_group, "unavailable", False),
    "2: a limit of the process is refused": Injection(2, limit, "process.rlimits[0]", False),
    "2: ids are not mapped": Injection(
        2, lambda b: (b.linux["namespaces"].append({"type": "user"}), b.linux.update(
            uidMappings=[{"containerID": 0, "hostID": 0, "size": 1}],
            gidMappings=[{"containerID": 0, "hostID": 0, "size": 1}]),
            b.process.update(user={"uid": 5, "gid": 0})), "process.user.uid 5", False),
    "2: the program is missing": Injection(
        2, lambda b: b.process.update(args=["nosuch"]), "not found in $PATH", False),
    "2: the working directory is a file": Injection(
        2, lambda b: b.process.update(cwd="/etc/passwd"), "process.cwd", False),
    "3: prestart fails": Injection(3, hook("prestart"), "hooks.prestart[0]", True),
    "4: createRuntime fails": Injection(4, hook("createRuntime"), "hooks.createRuntime[0]", True),
    "4: createRuntime is missing": Injection(
        4, hook("createRuntime", path="/no/such"), "hooks.createRuntime[0]", True),
    "4: createRuntime takes too long": Injection(
        4, script("createRuntime", "/bin/sleep 60", timeout=1), "within 1 second", True),
    "4: createRuntime is killed": Injection(
        4, script("createRuntime", "kill -9 $$"), "signal 9", True),
    "5: createContainer fails": Injection(
        5, hook("createContainer"), "hooks.createContainer[0]", True),
}  # fmt: skip

START = {
    "7: startContainer fails": Injection(7, hook("startContainer"), "startContainer[0]", True),
    "7: startContainer is missing": Injection(
        7, hook("startContainer", path="/no/such"), "startContainer[0]", True),
    "8: the program is no program": Injection(8, program(b"\x7fELF no"), "exec format", True),
    "8: the program's interpreter is missing": Injection(
        8, program(b"#!/no/such\n"), "no such file", True),
    "9: poststart fails": Injection(9, hook("poststart"), "poststart[0]", True),
    "9: poststart takes too long": Injection(
        9, script("poststart", "/bin/sleep 60", timeout=1), "within 1 second", True),
}  # fmt: skip


@pytest.fixture
def watched(bundle: Bundle) -> Bundle:
    """A bundle whose poststop hook leaves a mark."""
    mark = bundle.directory / "poststop"
    script("poststop", f"/bin/touch {mark}; /usr/bin/touch {mark}")(bundle)
    bundle.process["args"] = ["/bin/sleep", "60"]
    return bundle


@pytest.fixture(autouse=True)
def _groups_above(bundle: Bundle) -> Iterator[None]:
    group = bundle.linux["cgroupsPath"]
    yield
    above = TREE / group.lstrip("/")
    if above.exists():
        above.rmdir()


def ended_as_it_must(row: Injection, ours: RuntimeProgram, bundle: Bundle, errors: str) -> None:
    assert row.said in errors
    assert len(errors.strip().splitlines()) == 1
    assert (bundle.directory / "poststop").exists() == row.poststop
    check_nothing_left(ours, bundle)


@pytest.mark.parametrize("name", CREATE)
def test_create(ours: RuntimeProgram, watched: Bundle, name: str) -> None:
    row = CREATE[name]
    row.change(watched)
    done = ours.create(watched)
    assert done.returncode == 1
    ended_as_it_must(row, ours, watched, done.stderr)


@pytest.mark.parametrize("name", START)
def test_start(ours: RuntimeProgram, watched: Bundle, name: str) -> None:
    row = START[name]
    row.change(watched)
    created = ours.create(watched)
    assert created.returncode == 0, created.stderr
    pid = ours.state()["pid"]
    done = ours.call("start", "c")
    assert done.returncode == 1
    wait_until(lambda: not alive(pid))
    ended_as_it_must(row, ours, watched, done.stderr)


def test_step_1_an_id_that_is_none(ours: RuntimeProgram, watched: Bundle) -> None:
    assert ours.call("create", "--bundle", watched.write(), "a/b").returncode == 1
    check_nothing_left(ours, watched)


def test_step_1_there_is_no_bundle(ours: RuntimeProgram, watched: Bundle) -> None:
    done = ours.call("create", "--bundle", watched.directory / "nowhere", "c")
    assert done.returncode == 1
    check_nothing_left(ours, watched)


def test_step_1_the_disk_is_full(ours: RuntimeProgram, watched: Bundle) -> None:
    ours.root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "x", ours.root], check=True)
    try:
        watched.config["annotations"] = {"large": "x" * 20_000}
        done = ours.create(watched)
        assert done.returncode == 1
        assert "no space left" in done.stderr
        assert os.listdir(ours.root) == []
    finally:
        subprocess.run(["umount", ours.root], check=True)
    check_nothing_left(ours, watched)


@pytest.mark.parametrize("most", range(4, 10))
def test_step_2_no_descriptors_are_left(ours: RuntimeProgram, watched: Bundle, most: int) -> None:
    plain = ours.argv
    ours.argv = ["sh", "-c", f'ulimit -n {most}; exec "$@"', "sh", *plain]
    done = ours.create(watched)
    ours.argv = plain
    assert done.returncode == 1
    assert "too many open files" in done.stderr.lower()
    check_nothing_left(ours, watched)


@pytest.mark.parametrize("stage", ["prestart", "createRuntime"])
def test_step_3_and_4_the_runtime_is_killed(
    ours: RuntimeProgram, watched: Bundle, stage: str
) -> None:
    """Nobody is left who could undo anything: delete does, and nothing of it runs until then."""
    script(stage, "kill -9 $PPID")(watched)
    assert ours.create(watched).returncode == -signal.SIGKILL
    wait_until(lambda: ours.state()["status"] == "stopped")
    group = watched.linux["cgroupsPath"].lstrip("/")
    wait_until(lambda: not (TREE / group / "cgroup.procs").read_text())
    assert ours.call("start", "c").returncode == 1
    assert ours.call("delete", "c").returncode == 0
    check_nothing_left(ours, watched)


def test_step_5_the_containers_process_is_killed(ours: RuntimeProgram, watched: Bundle) -> None:
    hooked = watched.directory / "hooked"
    script("createContainer", f": > {hooked}; exec sleep 20")(watched)
    argv = [*ours.argv, "create", "--bundle", watched.write(), "c"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as creating:  # fmt: skip
        wait_until(hooked.exists)
        os.kill(ours.state()["pid"], signal.SIGKILL)
        _, errors = creating.communicate(timeout=20)
    assert creating.returncode == 1
    assert "ended during create: killed by signal 9" in errors
    check_nothing_left(ours, watched)


def test_step_6_start_of_what_is_not_created(ours: RuntimeProgram, watched: Bundle) -> None:
    assert ours.call("start", "c").returncode == 1
    ours.create(watched)
    assert ours.call("start", "c").returncode == 0
    assert ours.call("start", "c").returncode == 1
    assert ours.state()["status"] == "running"


def test_step_6_there_is_no_program(ours: RuntimeProgram, watched: Bundle) -> None:
    del watched.config["process"]
    assert ours.create(watched).returncode == 0
    done = ours.call("start", "c")
    assert done.returncode == 1
    assert "process in config.json is missing" in done.stderr
    assert ours.state()["status"] == "created"
    assert ours.call("delete", "--force", "c").returncode == 0
    check_nothing_left(ours, watched)


def test_step_6_the_container_was_killed_before(ours: RuntimeProgram, watched: Bundle) -> None:
    ours.create(watched)
    os.kill(ours.state()["pid"], signal.SIGKILL)
    ours.await_status("stopped")
    assert ours.call("start", "c").returncode == 1
    assert ours.call("delete", "c").returncode == 0
    assert (watched.directory / "poststop").exists()
    check_nothing_left(ours, watched)


def test_step_7_the_container_is_killed_during_the_hook(
    ours: RuntimeProgram, watched: Bundle
) -> None:
    script("startContainer", "sleep 20")(watched)
    ours.create(watched)
    pid = ours.state()["pid"]
    argv = [*ours.argv, "start", "c"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as starting:
        time.sleep(0.5)
        os.kill(pid, signal.SIGKILL)
        _, errors = starting.communicate(timeout=20)
    assert starting.returncode == 1
    assert len(errors.strip().splitlines()) == 1
    if ours.exists():
        assert ours.state()["status"] == "stopped"
        assert ours.call("delete", "c").returncode == 0
    check_nothing_left(ours, watched)


def test_step_10_the_program_is_killed(ours: RuntimeProgram, watched: Bundle) -> None:
    ours.create(watched)
    ours.call("start", "c")
    os.kill(ours.state()["pid"], signal.SIGKILL)
    ours.await_status("stopped")
    assert ours.call("delete", "c").returncode == 0
    assert (watched.directory / "poststop").exists()
    check_nothing_left(ours, watched)


def test_step_11_delete_of_what_runs(ours: RuntimeProgram, watched: Bundle) -> None:
    ours.create(watched)
    ours.call("start", "c")
    done = ours.call("delete", "c")
    assert done.returncode == 1
    assert "it is running" in done.stderr
    assert ours.state()["status"] == "running"
    assert not (watched.directory / "poststop").exists()


def test_step_12_something_cannot_be_undone(ours: RuntimeProgram, watched: Bundle) -> None:
    """It is told, and can be tried again."""
    ours.create(watched)
    os.kill(ours.state()["pid"], signal.SIGKILL)
    ours.await_status("stopped")
    kept = ours.root / "c" / "config.json"
    if subprocess.run(["chattr", "+i", kept], check=False, capture_output=True).returncode:
        pytest.skip("this filesystem has no immutable files")
    try:
        done = ours.call("delete", "c")
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert "not permitted" in done.stderr
    finally:
        subprocess.run(["chattr", "-i", kept], check=True)
    assert ours.call("delete", "c").returncode == 0
    check_nothing_left(ours, watched)


def test_step_13_a_poststop_hook_fails(
    ours: RuntimeProgram, watched: Bundle, tmp_path: Path
) -> None:
    hook("poststop")(watched)
    ours.create(watched)
    os.kill(ours.state()["pid"], signal.SIGKILL)
    ours.await_status("stopped")
    done = ours.call("--log", tmp_path / "log", "delete", "c")
    assert done.returncode == 0
    assert "hooks.poststop[0]" in (tmp_path / "log").read_text()
    assert (watched.directory / "poststop").exists()
    check_nothing_left(ours, watched)


def test_every_step_has_its_failure() -> None:
    here = Path(__file__).read_text()
    steps = {row.step for row in (*CREATE.values(), *START.values())}
    assert steps == {2, 3, 4, 5, 7, 8, 9}
    assert all(f"def test_step_{step}_" in here for step in (1, 6, 10, 11, 12, 13))

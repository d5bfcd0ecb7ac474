"""Containers that come and go leave nothing: no process, mount, control group, file, descriptor.

``OCINB_TEST_CYCLES`` says how many there are; a thousand take about two minutes.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.support.remains import all_pids, check_nothing_left, held, trees
from tests.support.runtimes import Bundle, RuntimeProgram, wait_until

CYCLES = int(os.environ.get("OCINB_TEST_CYCLES", "50"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + CYCLES)]


@pytest.fixture
def busy(bundle: Bundle) -> Bundle:
    """A bundle that uses much: limits, hooks, mounts, children that outlive the program."""
    bundle.process["args"] = ["/bin/sh", "-c", "sleep 60 & sleep 60 & exit 0"]
    bundle.linux["resources"] = {"memory": {"limit": 2**26}, "pids": {"limit": 20}}
    bundle.linux["maskedPaths"] = ["/proc/keys", "/var"]
    bundle.mount("/mnt", "tmpfs", "x", "size=1m")
    bundle.mount("/tmp", "bind", str(bundle.directory), "bind")
    stages = ("createRuntime", "createContainer", "poststart", "poststop")
    bundle.config["hooks"] = {stage: [{"path": "/bin/true"}] for stage in stages}
    return bundle


def groups() -> set[str]:
    """The control groups that tests of this file make."""
    found = (path for tree in trees() for path in (tree / "ocinb-tests").glob("cycles*"))
    return set(map(str, found))


def test_run(ours: RuntimeProgram, busy: Bundle) -> None:
    busy.linux["cgroupsPath"] = "/ocinb-tests/cycles-run"
    for _ in range(CYCLES):
        done = ours.run(busy)
        assert done.returncode == 0, done.stderr
    check_nothing_left(ours, busy)
    assert not [path for path in groups() if path.endswith("cycles-run")]


def test_create_start_kill_delete(ours: RuntimeProgram, busy: Bundle) -> None:
    busy.linux["cgroupsPath"] = "/ocinb-tests/cycles-apart"
    busy.process["args"] = ["/bin/sleep", "60"]
    pids = []
    for _ in range(max(CYCLES // 5, 1)):
        assert ours.create(busy).returncode == 0
        pids.append(ours.state()["pid"])
        assert ours.call("start", "c").returncode == 0
        assert ours.call("kill", "c", "KILL").returncode == 0
        ours.await_status("stopped")
        assert ours.call("delete", "c").returncode == 0
    check_nothing_left(ours, busy)
    wait_until(lambda: not set(pids) & set(all_pids()) or _others(pids))


def _others(pids: list[int]) -> bool:
    """Whether those that are there are others, with numbers that were given anew."""
    commands = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            commands.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return "sleep" not in commands


def test_failing(ours: RuntimeProgram, busy: Bundle) -> None:
    busy.linux["cgroupsPath"] = "/ocinb-tests/cycles-failing"
    busy.mount("/mnt/more", "bind", "/no/such", "bind")
    for _ in range(max(CYCLES // 5, 1)):
        assert ours.create(busy).returncode == 1
    check_nothing_left(ours, busy)


def test_a_waiting_container_holds_few_descriptors(ours: RuntimeProgram, busy: Bundle) -> None:
    """Standard streams, the gate, its lock, the host's /proc: what it needs until start."""
    assert ours.create(busy).returncode == 0
    pid = ours.state()["pid"]
    wait_until(lambda: not [what for what in held(pid) if what.startswith(("pipe:", "socket:"))])
    assert len(held(pid)) <= 8


def test_the_program_has_three_descriptors(ours: RuntimeProgram, busy: Bundle) -> None:
    busy.shell("for fd in /proc/$$/fd/*; do echo ${fd##*/}; done")
    # The shell opens the directory itself while it looks.
    assert set(ours.output(busy).split()) <= {"0", "1", "2", "3"}

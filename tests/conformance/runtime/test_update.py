"""Limits that change, and what is used of them: ``update``, ``events``.

Spec: none (runc convention)
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram

MIB = 2**20


def group_file(bundle: Bundle, controller: str, name: str) -> str:
    return Path(f"/sys/fs/cgroup/{controller}{bundle.linux['cgroupsPath']}/{name}").read_text()


@pytest.fixture
def running(runtime: RuntimeProgram, bundle: Bundle) -> RuntimeProgram:
    assert runtime.create(bundle.shell("sleep 100")).returncode == 0
    assert runtime.call("start", "c").returncode == 0
    return runtime


def test_by_options(running: RuntimeProgram, bundle: Bundle) -> None:
    words = ["--memory", str(64 * MIB), "--pids-limit", "20", "--cpu-share", "200"]
    words += ["--cpu-period", "50000", "--cpu-quota", "20000", "--cpuset-cpus", "0"]
    done = running.call("update", *words, "c")
    assert done.returncode == 0, done.stderr
    assert group_file(bundle, "memory", "memory.limit_in_bytes").strip() == str(64 * MIB)
    assert group_file(bundle, "pids", "pids.max").strip() == "20"
    assert group_file(bundle, "cpu", "cpu.shares").strip() == "200"
    assert group_file(bundle, "cpu", "cpu.cfs_period_us").strip() == "50000"
    assert group_file(bundle, "cpu", "cpu.cfs_quota_us").strip() == "20000"
    assert group_file(bundle, "cpuset", "cpuset.cpus").strip() == "0"


@pytest.mark.parametrize("from_stdin", [True, False])
def test_by_a_document(
    running: RuntimeProgram, bundle: Bundle, tmp_path: Path, from_stdin: bool
) -> None:
    document = tmp_path / "resources.json"
    document.write_text(json.dumps({"memory": {"limit": 32 * MIB}, "cpu": {"shares": 300}}))
    with document.open() as stdin:
        name = "-" if from_stdin else str(document)
        done = running.call("update", "--resources", name, "c", stdin=stdin)
    assert done.returncode == 0, done.stderr
    assert group_file(bundle, "memory", "memory.limit_in_bytes").strip() == str(32 * MIB)
    assert group_file(bundle, "cpu", "cpu.shares").strip() == "300"


def test_memory_and_swap_up_and_down(ours: RuntimeProgram, bundle: Bundle) -> None:
    assert ours.create(bundle.shell("sleep 100")).returncode == 0
    for limit, both in ((32, 64), (128, 256), (16, 16), (64, 64)):
        sizes = [f"--memory={limit}m", f"--memory-swap={both}m"]
        done = ours.call("update", *sizes, "c")
        assert done.returncode == 0, done.stderr
        now = group_file(bundle, "memory", "memory.limit_in_bytes")
        assert (int(now), int(group_file(bundle, "memory", "memory.memsw.limit_in_bytes"))) == (
            limit * MIB,
            both * MIB,
        )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--memory", "much"], "'much' is not a size"),
        (["--pids-limit", "few"], "--pids-limit takes a number"),
        (["--l3-cache-schema", "L3:0=f"], "Intel RDT"),
        (["--cpuset-cpus", "99999"], "linux.resources.cpu.cpus"),
        (["--resources", "/no/such/file"], "/no/such/file"),
    ],
)
def test_what_is_no_limit_is_refused(
    ours: RuntimeProgram, bundle: Bundle, words: list[str], message: str
) -> None:
    assert ours.create(bundle.shell("sleep 100")).returncode == 0
    done = ours.call("update", *words, "c")
    assert done.returncode == 1
    assert message in done.stderr


def test_a_stopped_container_has_no_limits(ours: RuntimeProgram, bundle: Bundle) -> None:
    assert ours.create(bundle).returncode == 0
    ours.call("start", "c")
    ours.await_status("stopped")
    assert "it is stopped" in ours.call("update", "--cpu-share", "9", "c").stderr


def told_alone(running: RuntimeProgram) -> dict[str, Any]:
    """Statistics once the threads of runc's that set the container up have ended."""
    for _ in range(100):
        event: dict[str, Any] = json.loads(running.call("events", "--stats", "c").stdout)
        if event["data"]["pids"]["current"] == 1:
            break
        time.sleep(0.05)
    return event


@pytest.mark.lacks("crun", "crun 1.8.1 has no events")
def test_statistics_once(running: RuntimeProgram, bundle: Bundle) -> None:
    event = told_alone(running)
    assert (event["type"], event["id"]) == ("stats", "c")
    assert event["data"]["cpu"]["usage"]["total"] > 0
    assert event["data"]["memory"]["usage"]["usage"] > 0
    assert event["data"]["pids"]["current"] == 1


@pytest.mark.parametrize("runtime", ["runc"], indirect=True)
def test_the_same_counters_as_runc(bundle: Bundle, tmp_path: Path, running: RuntimeProgram) -> None:
    from ocinb.linux.cgroup import Cgroup, hierarchies
    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.stats import statistics

    theirs = told_alone(running)["data"]
    path = bundle.linux["cgroupsPath"]
    data = statistics(Cgroup.create(Kernel(), path, hierarchies()))
    for group in ("cpu", "memory", "pids"):
        assert data[group].keys() >= theirs[group].keys()
    for kind in ("usage", "swap", "kernel"):
        assert data["memory"][kind].keys() >= theirs["memory"][kind].keys()
        assert data["memory"][kind]["limit"] == theirs["memory"][kind]["limit"]
    assert data["memory"]["raw"].keys() == theirs["memory"]["raw"].keys()
    assert data["pids"]["current"] == theirs["pids"]["current"]
    assert data["cpu"]["throttling"].keys() >= theirs["cpu"]["throttling"].keys()


def test_running_out_of_memory_is_told(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path
) -> None:
    bundle.linux["resources"] = {"memory": {"limit": 24 * MIB, "swap": 24 * MIB}}
    there = tmp_path / "there"
    there.mkdir()
    bundle.mount("/mnt", "bind", str(there), "bind")
    wait = "until test -e /mnt/{}; do sleep 0.05; done"
    # A pipe that holds nothing back: a shell, not the first, fills its memory with a single word.
    fill = "(x=$(cat /dev/zero | tr '\\0' x))"
    bundle.shell(f"{wait.format('go')}; {fill}; {wait.format('end')}")
    assert ours.create(bundle).returncode == 0
    assert ours.call("start", "c").returncode == 0
    argv = [*ours.argv, "events", "--interval", "200ms", "c"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as events:
        assert events.stdout is not None
        kinds = (json.loads(line)["type"] for line in events.stdout)
        assert next(kinds) == "stats"
        (there / "go").touch()
        assert "oom" in kinds
        (there / "end").touch()
        assert set(kinds) <= {"stats", "oom"}  # and it ends
    assert events.returncode == 0


@pytest.mark.skipif(
    not Path("/sys/fs/cgroup/cpu/cpu.shares").exists(), reason="version 2 is tested in a machine"
)
def test_idle_is_turned_on_and_off(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"cpu": {"shares": 300}}
    assert ours.create(bundle.shell("sleep 100")).returncode == 0
    for wanted in ("1", "0", "1"):
        assert ours.call("update", "--cpu-idle", wanted, "c").returncode == 0
        assert group_file(bundle, "cpu", "cpu.idle").strip() == wanted
    for wrong in ("2", "-1"):
        assert ours.call("update", "--cpu-idle", wrong, "c").returncode == 1
    assert group_file(bundle, "cpu", "cpu.idle").strip() == "1"

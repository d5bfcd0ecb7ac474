"""Limits of memory, processors and processes. Spec: runtime-spec config-linux.md#control-groups"""

from __future__ import annotations

import json
import os

from machine import TREE, Container, call, succeed, wait_until

MIB = 2**20


def test_memory() -> None:
    memory = {"limit": 64 * MIB, "reservation": 32 * MIB, "swap": 96 * MIB}
    with Container("sleep 60", {"memory": memory}) as container:
        assert container.read("memory.max") == str(64 * MIB)
        assert container.read("memory.low") == str(32 * MIB)
        # Of version 1 it is memory and swap together, of version 2 swap alone.
        assert container.read("memory.swap.max") == str(32 * MIB)


def test_memory_without_a_limit() -> None:
    with Container("sleep 60", {"memory": {"limit": -1, "swap": -1}}) as container:
        assert container.read("memory.max") == "max"
        assert container.read("memory.swap.max") == "max"


def test_too_much_memory_is_killed() -> None:
    container = Container("exec dd if=/dev/zero of=/dev/null bs=200M count=1", {
        "memory": {"limit": 32 * MIB, "swap": 32 * MIB}})  # fmt: skip
    container.start()
    wait_until(lambda: container.state()["status"] == "stopped")
    assert container.values("memory.events")["oom_kill"] >= 1
    container.delete()


def test_the_status_of_what_was_killed() -> None:
    status, _ = Container("exec dd if=/dev/zero of=/dev/null bs=200M count=1", {
        "memory": {"limit": 32 * MIB, "swap": 32 * MIB}}).run()  # fmt: skip
    assert status == 137


def test_pids() -> None:
    with Container("sleep 60", {"pids": {"limit": 33}}) as container:
        assert container.read("pids.max") == "33"


def test_too_many_processes_are_refused() -> None:
    container = Container("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done", {"pids": {"limit": 4}})
    status, said = container.run()
    assert status != 0
    assert "fork" in said


def test_quota_and_period() -> None:
    with Container("sleep 60", {"cpu": {"quota": 50000, "period": 200000}}) as container:
        assert container.read("cpu.max") == "50000 200000"


def test_a_quota_slows_down() -> None:
    with Container("while :; do :; done", {"cpu": {"quota": 5000}}) as container:
        wait_until(lambda: container.values("cpu.stat")["nr_throttled"] > 2)


def test_shares_become_weights() -> None:
    expected = {2: "1", 512: "20", 1024: "39", 262144: "10000", 10**9: "10000"}
    for shares, weight in expected.items():
        with Container("sleep 60", {"cpu": {"shares": shares}}) as container:
            assert container.read("cpu.weight") == weight, shares


def test_processors_and_memory_nodes() -> None:
    with Container("sleep 60", {"cpu": {"cpus": "0", "mems": "0"}}) as container:
        assert container.read("cpuset.cpus") == "0"
        assert container.read("cpuset.mems") == "0"


def test_idle_and_burst() -> None:
    with Container("sleep 60", {"cpu": {"idle": 1}}) as container:
        assert container.read("cpu.idle") == "1"
        for wanted in ("0", "1"):
            succeed("update", "--cpu-idle", wanted, container.id)
            assert container.read("cpu.idle") == wanted
    with Container("sleep 60", {"cpu": {"quota": 50000, "burst": 10000}}) as container:
        assert container.read("cpu.max.burst") == "10000"


def test_unified() -> None:
    unified = {"memory.high": str(48 * MIB), "pids.max": "7", "cpu.weight": "55"}
    with Container("sleep 60", {"unified": unified}) as container:
        assert container.read("memory.high") == str(48 * MIB)
        assert container.read("pids.max") == "7"
        assert container.read("cpu.weight") == "55"


def refused(resources: dict, field: str) -> None:
    """A limit that cannot be set is an error that names the field, and leaves nothing."""
    container = Container("true", resources)
    done = call("create", "--bundle", container.write(), container.id)
    assert done.returncode == 1
    assert field in done.stdout, done.stdout
    assert not os.path.exists(container.directory)
    assert json.loads(succeed("list", "--format", "json")) is None


def test_limits_that_version_2_has_not_got() -> None:
    refused({"memory": {"swappiness": 5}}, "linux.resources.memory.swappiness")
    refused({"cpu": {"realtimeRuntime": 5}}, "linux.resources.cpu.realtimeRuntime")
    refused({"network": {"classID": 5}}, "linux.resources.network.classID")


def test_limits_that_the_kernel_refuses() -> None:
    refused({"unified": {"memory.nosuch": "1"}}, "linux.resources.unified.memory.nosuch")
    refused({"unified": {"../cgroup.procs": "1"}}, "linux.resources.unified")
    refused({"cpu": {"cpus": "999"}}, "linux.resources.cpu.cpus")
    refused({"memory": {"limit": 64 * MIB, "swap": 32 * MIB}}, "linux.resources.memory.swap")


def test_update() -> None:
    with Container("sleep 60", {"memory": {"limit": 64 * MIB}}) as container:
        with open("/tmp/update.json", "w", encoding="utf-8") as file:
            json.dump({"memory": {"limit": 48 * MIB}, "pids": {"limit": 9}}, file)
        succeed("update", "--resources", "/tmp/update.json", container.id)
        assert container.read("memory.max") == str(48 * MIB)
        assert container.read("pids.max") == "9"


def test_statistics() -> None:
    with Container("sleep 60", {"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}}) as container:
        data = json.loads(succeed("events", "--stats", container.id))["data"]
        assert data["pids"]["current"] >= 1
        assert data["memory"]["usage"]["limit"] == 64 * MIB
        assert data["memory"]["usage"]["usage"] > 0
        assert data["cpu"]["usage"]["total"] > 0


def test_what_the_picture_of_limits_shows() -> None:
    from ocinb.insight.limits import limits_table

    resources = {
        "memory": {"limit": 64 * MIB},
        "pids": {"limit": 9},
        "cpu": {"quota": 50000, "period": 100000},
    }
    with Container("while :; do :; done", resources) as container:
        table = limits_table(container.state()["pid"], "here")
        found = {row["resource"]: row for row in table.records()}
        assert found["memory"]["limit"] == 64 * MIB
        assert 0 < found["memory"]["used"] < 64 * MIB
        assert found["memory"]["file"] == "memory.max"
        assert found["processors"]["limit"] == 500
        assert found["processors"]["used"] > 0
        assert (found["processes"]["used"], found["processes"]["limit"]) == (1, 9)


def test_controllers_reach_a_group_below_others() -> None:
    with Container("sleep 60", {"pids": {"limit": 5}}, path="/tests/a/b/c") as container:
        assert container.read("pids.max") == "5"
    assert not os.path.exists(f"{TREE}/tests/a")

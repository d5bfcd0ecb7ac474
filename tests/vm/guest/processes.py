"""Freezing, killing, joining: the processes of a control group."""

from __future__ import annotations

import json
import os

from machine import Container, call, succeed, wait_until

COUNT = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"
SEVERAL = "sleep 60 & sleep 60 & sleep 60 & wait"


def test_pause_and_resume() -> None:
    with Container(COUNT) as container:
        wait_until(lambda: "3" in container.output().split())
        succeed("pause", container.id)
        assert container.state()["status"] == "paused"
        assert container.values("cgroup.events")["frozen"] == 1
        before = container.output()
        succeed("state", container.id)
        assert container.output() == before
        succeed("resume", container.id)
        assert container.state()["status"] == "running"
        wait_until(lambda: container.output() != before)


def test_a_paused_container_is_deleted_by_force() -> None:
    container = Container(COUNT)
    container.start()
    succeed("pause", container.id)
    container.delete()


def test_a_frozen_group_is_refused() -> None:
    with Container("sleep 60") as container:
        succeed("pause", container.id)
        other = Container("true", path=container.path)
        done = call("create", "--bundle", other.write(), other.id)
        assert done.returncode == 1
        assert "frozen" in done.stdout


def test_kill_all() -> None:
    container = Container(SEVERAL)
    # Without a pid namespace the others do not die with the first.
    container.config["linux"]["namespaces"].pop(0)
    container.start()
    wait_until(lambda: len(container.read("cgroup.procs").split()) == 4)
    succeed("kill", "--all", container.id, "KILL")
    wait_until(lambda: container.values("cgroup.events")["populated"] == 0)
    container.delete()


def test_delete_kills_the_whole_group() -> None:
    container = Container(SEVERAL)
    container.config["linux"]["namespaces"].pop(0)
    container.start()
    wait_until(lambda: len(container.read("cgroup.procs").split()) == 4)
    pids = container.read("cgroup.procs").split()
    container.delete()
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


def test_groups_that_the_container_made_go_with_it() -> None:
    with Container("sleep 60") as container:
        os.makedirs(f"{container.directory}/inner/most")


def test_exec_is_in_the_group() -> None:
    with Container("sleep 60") as container:
        said = succeed("exec", container.id, "/bin/cat", "/proc/self/cgroup")
        assert said.strip() == f"0::{container.path}"


def test_ps() -> None:
    with Container("sleep 60 & sleep 60") as container:
        wait_until(lambda: len(container.read("cgroup.procs").split()) == 2)
        pids = json.loads(succeed("ps", "--format", "json", container.id))
        assert sorted(pids) == sorted(map(int, container.read("cgroup.procs").split()))


def test_the_containers_own_view() -> None:
    container = Container("cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max; "
                          "echo 5 > /sys/fs/cgroup/pids.max", {"pids": {"limit": 44}})  # fmt: skip
    container.config["linux"]["namespaces"].append({"type": "cgroup"})
    container.config["mounts"].append({
        "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]
    })  # fmt: skip
    status, said = container.run()
    assert said.splitlines()[:2] == ["0::/", "44"], said
    assert "Read-only" in said
    assert status != 0


def test_the_view_without_a_namespace() -> None:
    container = Container("true", {"pids": {"limit": 44}})
    # All groups are seen, as they are with runc; of its own the container knows the path.
    script = f"cat /sys/fs/cgroup{container.path}/pids.max"
    container.config["process"]["args"] = ["/bin/sh", "-c", script]
    container.config["mounts"].append({
        "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]
    })  # fmt: skip
    status, said = container.run()
    assert status == 0
    assert said.strip() == "44"


def test_without_a_path_it_is_named_after_the_container() -> None:
    container = Container("cat /proc/self/cgroup")
    del container.config["linux"]["cgroupsPath"]
    status, said = container.run()
    assert status == 0
    assert said.strip().endswith(f"/{container.id}")


def test_containers_leave_nothing() -> None:
    for _ in range(3):
        assert Container("true").run()[0] == 0
    assert not os.path.exists("/sys/fs/cgroup/tests")


def test_exec_follows_into_a_group_inside() -> None:
    with Container("sleep 60") as container:
        inner = f"{container.directory}/inner"
        os.mkdir(inner)
        look = ("exec", container.id, "/bin/cat", "/proc/self/cgroup")
        assert succeed(*look).strip() == f"0::{container.path}"
        chosen = succeed("exec", "--cgroup", "inner", *look[1:])
        assert chosen.strip() == f"0::{container.path}/inner"
        for wrong in ("..", "nosuch", "pids:inner"):
            assert call("exec", "--cgroup", wrong, *look[1:]).returncode
        # Where a group gives controllers to those inside, no process may be in it itself.
        with open(f"{inner}/cgroup.procs", "w", encoding="utf-8") as file:
            file.write(str(container.state()["pid"]))
        with open(f"{container.directory}/cgroup.subtree_control", "w", encoding="utf-8") as file:
            file.write("+pids")
        assert succeed(*look).strip() == f"0::{container.path}/inner"

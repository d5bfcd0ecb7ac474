"""Control groups and limits. Spec: runtime-spec config-linux.md#control-groups"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runtimes import Bundle, RuntimeProgram

TREE = Path("/sys/fs/cgroup")
V1 = (TREE / "memory").is_dir()


def read(bundle: Bundle, controller: str, file: str) -> str:
    """A parameter of the container's group."""
    group = bundle.linux["cgroupsPath"]
    path = TREE / controller if V1 else TREE
    return (path / group.lstrip("/") / file).read_text().strip()


@pytest.fixture
def created(runtime: RuntimeProgram, bundle: Bundle) -> RuntimeProgram:
    bundle.shell("sleep 60")
    return runtime


@pytest.mark.skipif(not V1, reason="control groups version 2 are tested in a virtual machine")
def test_limits(created: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["resources"] = {
        "memory": {"limit": 64 * 2**20, "reservation": 32 * 2**20},
        "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0"},
        "pids": {"limit": 33},
    }
    assert created.create(bundle).returncode == 0
    assert read(bundle, "memory", "memory.limit_in_bytes") == str(64 * 2**20)
    assert read(bundle, "memory", "memory.soft_limit_in_bytes") == str(32 * 2**20)
    assert read(bundle, "cpu", "cpu.shares") == "512"
    assert read(bundle, "cpu", "cpu.cfs_quota_us") == "50000"
    assert read(bundle, "cpuset", "cpuset.cpus") == "0"
    assert read(bundle, "pids", "pids.max") == "33"


@pytest.mark.skipif(not V1, reason="control groups version 2 are tested in a virtual machine")
def test_the_limit_of_processes_holds(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["resources"] = {"pids": {"limit": 4}}
    bundle.shell("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done")
    assert "fork" in runtime.run(bundle).stderr


@pytest.mark.skipif(not V1, reason="control groups version 2 are tested in a virtual machine")
def test_devices_that_are_denied(runtime: RuntimeProgram, bundle: Bundle) -> None:
    # The device of FUSE: neither a default one nor one that asks for a capability.
    fuse = {"type": "c", "major": 10, "minor": 229}
    bundle.linux["devices"] = [{"path": "/dev/fuse2", **fuse}]
    bundle.linux["resources"]["devices"] = [{"allow": False, "access": "rwm"}]
    bundle.shell("(exec 3<>/dev/fuse2) 2>&1; echo x > /dev/null && echo null")
    output = runtime.output(bundle)
    assert "Operation not permitted" in output
    assert "null" in output.splitlines()
    bundle.linux["resources"]["devices"] += [{"allow": True, **fuse, "access": "rw"}]
    assert "Operation not permitted" not in runtime.output(bundle)


@pytest.mark.skipif(not V1, reason="control groups version 2 are tested in a virtual machine")
def test_the_container_is_in_all_its_groups_until_deleted(
    created: RuntimeProgram, bundle: Bundle
) -> None:
    created.create(bundle)
    pid = created.state()["pid"]
    for controller in ("memory", "cpu", "pids", "freezer", "devices"):
        assert read(bundle, controller, "cgroup.procs") == str(pid)
    created.call("delete", "--force", "c")
    assert not (TREE / "memory" / bundle.linux["cgroupsPath"].lstrip("/")).exists()


@pytest.mark.skipif(not V1, reason="control groups version 2 are tested in a virtual machine")
def test_a_program_that_starts_no_other_needs_room_for_one_process(
    ours: RuntimeProgram, bundle: Bundle
) -> None:
    bundle.linux["resources"]["pids"] = {"limit": 1}
    bundle.process["args"] = ["/bin/cat", "/sys/fs/cgroup/pids/pids.max"]
    bundle.mount("/sys", "sysfs", "sysfs", "ro")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro")
    assert ours.output(bundle) == "1\n"


@pytest.mark.skipif(not V1, reason="control groups version 2 are tested in a virtual machine")
def test_a_cgroup_namespace_hides_the_rest(runtime: RuntimeProgram, bundle: Bundle) -> None:
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys", "sysfs", "sysfs", "ro")
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro")
    bundle.shell("grep -E 'pids|memory' /proc/self/cgroup; cat /sys/fs/cgroup/pids/cgroup.procs")
    lines = runtime.output(bundle).splitlines()
    assert [line.rpartition(":")[2] for line in lines[:2]] == ["/", "/"]
    assert "1" in lines[2:]


def test_a_controller_that_is_missing_is_named(ours: RuntimeProgram, bundle: Bundle) -> None:
    if (TREE / "rdma").exists():
        pytest.skip("this machine has the rdma controller")
    bundle.linux["resources"]["rdma"] = {"mlx5_1": {"hcaHandles": 3}}
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "rdma" in done.stderr


@pytest.mark.skipif(not V1, reason="control groups version 2 are tested in a virtual machine")
def test_the_weight_of_block_io(ours: RuntimeProgram, bundle: Bundle) -> None:
    bundle.shell("sleep 60")
    bundle.linux["resources"] = {"blockIO": {"weight": 321}}
    assert ours.create(bundle).returncode == 0
    group = TREE / "blkio" / bundle.linux["cgroupsPath"].lstrip("/")
    files = [group / name for name in ("blkio.weight", "blkio.bfq.weight")]
    assert [file.read_text().split()[-1] for file in files if file.exists()] == ["321"]


@pytest.mark.skipif(not V1, reason="version 2 has one tree only")
@pytest.mark.parametrize(
    "path", ["/../cpuset/{}", "/../../../../tmp/{}", "../../../{}", "/a/../.."]
)
def test_a_path_does_not_lead_into_the_tree_next_to_it(
    ours: RuntimeProgram, bundle: Bundle, path: str
) -> None:
    # cpu and cpuset lie side by side, and the one's name begins with the other's.
    own = bundle.linux["cgroupsPath"].rpartition("/")[2]
    bundle.linux["cgroupsPath"] = path.format(own)
    done = ours.create(bundle)
    assert done.returncode == 1
    assert "outside the hierarchy" in done.stderr
    assert not list(TREE.glob(f"*/{own}"))

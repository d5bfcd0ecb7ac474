"""Capabilities, id maps, limits, processes, control groups: what needs no privileges."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocinb.errors import UnsupportedHost
from ocinb.linux import capabilities, processes, rlimits
from ocinb.linux.cgroup import Cgroup, hierarchies
from ocinb.linux.id_maps import IdMap
from ocinb.linux.syscalls import Kernel

GROUPS = f"/ocinb-unit-{os.getpid()}"


def test_capabilities_as_masks_and_back() -> None:
    names = ["CAP_CHOWN", "CAP_NET_RAW", "CAP_CHECKPOINT_RESTORE"]
    assert capabilities.mask(names) == 1 | 1 << 13 | 1 << 40
    assert capabilities.names(capabilities.mask(names)) == names


def test_an_unknown_capability_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        capabilities.mask(["CAP_NOTHING"])


def test_the_kernels_last_capability_has_a_name() -> None:
    assert int(Path("/proc/sys/kernel/cap_last_cap").read_text()) < len(capabilities.NAMES)


def test_the_bounding_set_agrees_with_proc() -> None:
    status = Path("/proc/self/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))
    kernel = Kernel()
    bits = range(len(capabilities.NAMES))
    assert sum(1 << n for n in bits if capabilities.bounding_bit(kernel, n)) == mask


def test_limits_have_pythons_numbers() -> None:
    for name, number in rlimits.NUMBERS.items():
        assert getattr(resource, name, number) == number


def test_an_id_map_prints_as_the_kernel_reads_it() -> None:
    assert str(IdMap(inside=0, outside=100000, size=65536)) == "0 100000 65536"


def test_a_process_is_named_by_pid_and_start_time() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        started = processes.start_time(process.pid)
        assert started
        assert processes.alive(process.pid, started)
        assert not processes.alive(process.pid, started + 1)
        assert processes.parent(process.pid) == os.getpid()
        process.kill()
        while processes.start_time(process.pid):
            time.sleep(0.01)
        # It is a zombie: there, but not alive.
        assert Path(f"/proc/{process.pid}").exists()
        assert not processes.alive(process.pid, started)


def test_a_command_with_parentheses_and_spaces(tmp_path: Path) -> None:
    odd = tmp_path / "a) R 1 (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "60"]) as process:
        while Path(f"/proc/{process.pid}/comm").read_text() != "a) R 1 (b\n":
            time.sleep(0.01)
        assert processes.parent(process.pid) == os.getpid()
        process.kill()


def test_the_hierarchies_of_this_machine_are_of_one_version() -> None:
    found = hierarchies()
    assert len({tree.version for tree in found}) <= 1
    assert all(os.path.isdir(tree.mount_point) for tree in found)


def test_a_missing_controller_is_said_by_name() -> None:
    group = Cgroup(Kernel(), {}, (), 1)
    with pytest.raises(UnsupportedHost, match="no rdma controller"):
        group.write("rdma", "rdma.max", "x")


@pytest.mark.root
def test_a_group_is_made_used_and_removed() -> None:
    trees = hierarchies()
    if not trees:
        pytest.skip("no control groups here")
    kernel = Kernel()
    group = Cgroup.create(kernel, f"{GROUPS}/group", trees)
    try:
        with subprocess.Popen(["sleep", "60"]) as process:
            group.add(process.pid)
            assert group.pids() == [process.pid]
            group.freeze("frozen")
            assert group.frozen()
            group.kill()
            assert process.wait(10) == -9
    finally:
        group.remove()
    assert not any(os.path.exists(path) for path in group.created)


@pytest.mark.root
def test_however_deep_the_groups_are_that_it_has_made_below_they_go_with_it() -> None:
    # A cpuset of version 1 takes nobody until it has processors.
    trees = [t for t in hierarchies() if t.version == 2 or "cpuset" not in t.controllers][:1]
    if not trees:
        pytest.skip("no control groups here")
    group = Cgroup.create(Kernel(), f"{GROUPS}-deep", trees)
    try:
        inner = next(iter(group.directories.values()))
        for _ in range(sys.getrecursionlimit() + 100):
            inner += "/a"
            os.mkdir(inner)
        with subprocess.Popen(["sleep", "60"]) as process:
            Path(f"{inner}/cgroup.procs").write_text(str(process.pid))
            assert group.pids() == [process.pid]
            group.kill()
            assert process.wait(10) == -9
    finally:
        group.remove()
    assert not any(os.path.exists(path) for path in group.created)


@pytest.mark.root
def test_a_group_that_was_there_before_stays() -> None:
    trees = hierarchies()
    if not trees:
        pytest.skip("no control groups here")
    kernel = Kernel()
    first = Cgroup.create(kernel, f"{GROUPS}/shared", trees)
    second = Cgroup.create(kernel, f"{GROUPS}/shared", trees)
    second.remove()
    assert all(os.path.isdir(path) for path in first.directories.values())
    first.remove()

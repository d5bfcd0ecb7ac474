"""Variations of ``linux.resources``, read back from the host's files.

The container gets the host's /sys/fs/cgroup on /mnt and reads the files of its own groups.
Spec: runtime-spec config-linux.md#control-groups
"""

from __future__ import annotations

from typing import Any

from tests.support.variations.variation import Variation

HOST = {
    "destination": "/mnt",
    "type": "bind",
    "source": "/sys/fs/cgroup",
    "options": ["rbind", "ro"],
}
MIB = 2**20


def limits(name: str, resources: dict[str, Any], *files: str, **more: Any) -> Variation:
    """Limits, and the files that tell whether they were set: ``controller/file``."""
    reads = "\n".join(
        f"cd /mnt/{path.partition('/')[0]}/$(grep :{path.partition('/')[0]}: /proc/$$/cgroup | "
        f"cut -d: -f3) && cat {path.partition('/')[2]}; cd /"
        for path in files
    )
    changes = {"mounts+": [HOST], **{f"linux.resources.{k}": v for k, v in resources.items()}}
    return Variation(f"resources: {name}", changes, reads, **more)


def memory(name: str, *files: str, **values: Any) -> Variation:
    """Limits of memory."""
    paths = [f"memory/memory.{file}" for file in files]
    return limits(f"memory {name}", {"memory": values}, *paths)


def cpu(name: str, *files: str, **values: Any) -> Variation:
    """Shares of processors."""
    return limits(f"cpu {name}", {"cpu": values}, *files)


def devices(name: str, *rules: dict[str, Any]) -> Variation:
    """Rules about devices."""
    return limits(f"devices {name}", {"devices": list(rules)}, "devices/devices.list | sort")


DENY = {"allow": False, "access": "rwm"}
FUSE = {"type": "c", "major": 10, "minor": 229}

ROWS = [
    memory("limit", "limit_in_bytes", limit=64 * MIB),
    memory("limit that is no whole page", "limit_in_bytes", limit=64 * MIB + 1),
    memory("unlimited", "limit_in_bytes", limit=-1),
    memory("limit 0", "limit_in_bytes", limit=0),
    memory("reservation", "soft_limit_in_bytes", reservation=32 * MIB),
    memory("swap", "limit_in_bytes", "memsw.limit_in_bytes", limit=64 * MIB, swap=128 * MIB),
    memory("swap unlimited", "memsw.limit_in_bytes", limit=64 * MIB, swap=-1),
    memory("swap below limit", "memsw.limit_in_bytes", limit=64 * MIB, swap=32 * MIB),
    memory("swappiness", "swappiness", swappiness=7),
    memory("swappiness beyond", "swappiness", swappiness=201),
    memory("kernel", "kmem.limit_in_bytes", kernel=32 * MIB),
    memory("kernelTCP", "kmem.tcp.limit_in_bytes", kernelTCP=32 * MIB),
    memory("disableOOMKiller", "oom_control", disableOOMKiller=True),
    memory("the OOM killer stays", "oom_control", disableOOMKiller=False),
    memory("too small to start", limit=4096),
    memory("useHierarchy", "use_hierarchy", useHierarchy=True),
    cpu("shares", "cpu/cpu.shares", shares=512),
    cpu("shares below the least", "cpu/cpu.shares", shares=1),
    cpu("shares beyond the most", "cpu/cpu.shares", shares=10**9),
    cpu("shares 0", "cpu/cpu.shares", shares=0),
    cpu(
        "quota and period",
        "cpu/cpu.cfs_quota_us",
        "cpu/cpu.cfs_period_us",
        quota=50000,
        period=200000,
    ),
    cpu("quota alone", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", quota=20000),
    cpu("period alone", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", period=50000),
    cpu("no quota", "cpu/cpu.cfs_quota_us", quota=-1),
    cpu("quota too small", "cpu/cpu.cfs_quota_us", quota=1),
    cpu("period too long", "cpu/cpu.cfs_period_us", period=10**9),
    cpu("quota above the default period", "cpu/cpu.cfs_quota_us", quota=300000),
    cpu("one processor", "cpuset/cpuset.cpus", cpus="0"),
    cpu("processors as a range", "cpuset/cpuset.cpus", cpus="0-1"),
    cpu("memory nodes", "cpuset/cpuset.mems", mems="0"),
    cpu("processors that are missing", cpus="4000"),
    cpu("processors that are no numbers", cpus="all"),
    cpu("idle", "cpu/cpu.idle", idle=1),
    cpu("burst", "cpu/cpu.cfs_burst_us", quota=50000, burst=10000),
    limits("pids", {"pids": {"limit": 33}}, "pids/pids.max"),
    limits("pids unlimited", {"pids": {"limit": -1}}, "pids/pids.max"),
    limits("pids 0", {"pids": {"limit": 0}}, "pids/pids.max"),
    devices("all denied", DENY),
    devices("one allowed", DENY, {"allow": True, **FUSE, "access": "rw"}),
    devices(
        "one denied",
        DENY,
        {"allow": True, **FUSE, "access": "rwm"},
        {"allow": False, **FUSE, "access": "w"},
    ),
    devices("access is not said", DENY, {"allow": True, **FUSE}),
    devices("a whole major", DENY, {"allow": True, "type": "c", "major": 10, "access": "r"}),
    devices("blocks", DENY, {"allow": True, "type": "b", "major": 7, "minor": 0, "access": "rwm"}),
    devices("all allowed", {"allow": True, "access": "rwm"}),
    limits("blockIO weight", {"blockIO": {"weight": 100}}, "blkio/blkio.bfq.weight"),
    limits("hugepages", {"hugepageLimits": [{"pageSize": "2MB", "limit": 2 * MIB}]}),
    limits("network class", {"network": {"classID": 5}}),
    limits("rdma", {"rdma": {"mlx5_1": {"hcaHandles": 3}}}),
    limits("unified", {"unified": {"memory.max": "64M"}}),
    limits("empty objects", {"memory": {}, "cpu": {}, "pids": {"limit": 100}}, "pids/pids.max"),
    Variation("cgroupsPath: nested", {"linux.cgroupsPath": "/ocinb-tests/a/b"}, plain=True),
    Variation("cgroupsPath: relative", {"linux.cgroupsPath": "ocinb-tests/relative"}),
    Variation("cgroupsPath: not clean", {"linux.cgroupsPath": "/ocinb-tests//c/../d/"}),
    Variation("cgroupsPath: not said", {"linux.cgroupsPath-": None}),
    Variation("cgroupsPath: outside", {"linux.cgroupsPath": "/../../ocinb-tests/out"}),
]

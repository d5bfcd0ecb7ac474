"""linux.resources as writes to control groups version 1, for which it was written.

Spec: runtime-spec config-linux.md#control-groups
"""

from __future__ import annotations

from ocinb.errors import InvalidConfig
from ocinb.runtime.resource_writes import THROTTLES, Write, device_rules, pids_writes, rdma_writes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


MEMORY_FILES = {
    "limit": "memory.limit_in_bytes",
    "swap": "memory.memsw.limit_in_bytes",
    "reservation": "memory.soft_limit_in_bytes",
    "kernel": "memory.kmem.limit_in_bytes",
    "kernelTCP": "memory.kmem.tcp.limit_in_bytes",
    "swappiness": "memory.swappiness",
}
_CPU_FILES = {
    "idle": ("cpu", "cpu.idle"),
    "shares": ("cpu", "cpu.shares"),
    "period": ("cpu", "cpu.cfs_period_us"),
    "quota": ("cpu", "cpu.cfs_quota_us"),
    "burst": ("cpu", "cpu.cfs_burst_us"),
    "realtimePeriod": ("cpu", "cpu.rt_period_us"),
    "realtimeRuntime": ("cpu", "cpu.rt_runtime_us"),
    "cpus": ("cpuset", "cpuset.cpus"),
    "mems": ("cpuset", "cpuset.mems"),
}


def planned_v1(resources: dict[str, Any]) -> list[Write]:
    """The writes, in order; rules about devices are among them.

    Raises:
        InvalidConfig: a value that version 1 cannot express.
    """
    if resources.get("unified"):
        raise InvalidConfig(
            "linux.resources.unified in config.json needs control groups version 2",
            findings=[("linux.resources.unified", "needs control groups version 2")],
            citation="runtime-spec config-linux.md#unified",
        )
    return [
        *_devices(resources),
        *_memory(resources.get("memory") or {}),
        *_cpu(resources.get("cpu") or {}),
        *pids_writes(resources.get("pids") or {}),
        *_block_io(resources.get("blockIO") or {}),
        *_huge_pages(resources.get("hugepageLimits") or []),
        *_network(resources.get("network") or {}),
        *rdma_writes(resources.get("rdma") or {}),
    ]


def _devices(resources: dict[str, Any]) -> Iterator[Write]:
    for field, allow, kind, major, minor, access in device_rules(resources):
        value = f"{kind} {_number(major)}:{_number(minor)} {access}"
        file = "devices.allow" if allow else "devices.deny"
        yield Write(field=field, controller="devices", file=file, value=value)


def _number(number: int | None) -> str:
    return "*" if number is None or number < 0 else str(number)


def _memory(memory: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#memory"""
    for name, file in MEMORY_FILES.items():
        # 0 is how callers written in Go leave a limit out; nothing runs in no memory at all. -1
        # for kernel memory is what the kernel has anyway; newer ones lack the file.
        value = memory.get(name)
        if value is None or (value == 0 and name != "swappiness"):
            continue
        if name.startswith("kernel") and value < 0:
            continue
        field = f"linux.resources.memory.{name}"
        yield Write(field=field, controller="memory", file=file, value=str(value))
    if memory.get("disableOOMKiller"):
        field = "linux.resources.memory.disableOOMKiller"
        yield Write(field=field, controller="memory", file="memory.oom_control", value="1")


def _cpu(cpu: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#cpu"""
    for name, (controller, file) in _CPU_FILES.items():
        if name == "shares" and cpu.get("idle"):
            continue  # an idle group has none
        # 0 and "" are how callers written in Go leave a field out, but for idle.
        if cpu.get(name) or (name == "idle" and cpu.get(name) is not None):
            field = f"linux.resources.cpu.{name}"
            yield Write(field=field, controller=controller, file=file, value=str(cpu[name]))


def _block_io(block_io: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#block-io"""
    for name, file in (("weight", "blkio.weight"), ("leafWeight", "blkio.leaf_weight")):
        if block_io.get(name):
            field, value = f"linux.resources.blockIO.{name}", str(block_io[name])
            yield Write(field=field, controller="blkio", file=file, value=value)
    for number, device in enumerate(block_io.get("weightDevice") or []):
        for name, file in (
            ("weight", "blkio.weight_device"),
            ("leafWeight", "blkio.leaf_weight_device"),
        ):
            if device.get(name):
                field = f"linux.resources.blockIO.weightDevice[{number}].{name}"
                value = f"{device['major']}:{device['minor']} {device[name]}"
                yield Write(field=field, controller="blkio", file=file, value=value)
    for name, (file, _) in THROTTLES.items():
        for number, device in enumerate(block_io.get(name) or []):
            field = f"linux.resources.blockIO.{name}[{number}]"
            value = f"{device['major']}:{device['minor']} {device['rate']}"
            yield Write(field=field, controller="blkio", file=file, value=value)


def _huge_pages(limits: list[dict[str, Any]]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#huge-page-limits"""
    for number, limit in enumerate(limits):
        field = f"linux.resources.hugepageLimits[{number}]"
        file = f"hugetlb.{limit['pageSize']}.limit_in_bytes"
        yield Write(field=field, controller="hugetlb", file=file, value=str(limit["limit"]))


def _network(network: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#network"""
    if network.get("classID"):
        field, value = "linux.resources.network.classID", str(network["classID"])
        yield Write(field=field, controller="net_cls", file="net_cls.classid", value=value)
    for number, entry in enumerate(network.get("priorities") or []):
        field = f"linux.resources.network.priorities[{number}]"
        value = f"{entry['name']} {entry['priority']}"
        yield Write(field=field, controller="net_prio", file="net_prio.ifpriomap", value=value)

"""linux.resources, written for version 1 of control groups, as writes for version 2.

The conversions are those that runc and crun share, so that one config.json means the same to all.

Spec: runtime-spec config-linux.md#unified (a conversion MAY be attempted, or it is an error)
"""

from __future__ import annotations

from ocinb.errors import InvalidConfig
from ocinb.runtime.resource_writes import THROTTLES, Write, pids_writes, rdma_writes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def planned_v2(resources: dict[str, Any]) -> list[Write]:
    """The writes, in order; rules about devices are not among them (they are a program).

    Raises:
        InvalidConfig: a value that version 2 cannot express.
    """
    return [
        *_memory(resources.get("memory") or {}),
        *_cpu(resources.get("cpu") or {}),
        *pids_writes(resources.get("pids") or {}),
        *_block_io(resources.get("blockIO") or {}),
        *_huge_pages(resources.get("hugepageLimits") or []),
        *_network(resources.get("network") or {}),
        *rdma_writes(resources.get("rdma") or {}),
        *_unified(resources.get("unified") or {}),
    ]


def _memory(memory: dict[str, Any]) -> Iterator[Write]:
    """``swap`` of version 1 is memory and swap together; of version 2 it is swap alone.

    Spec: runtime-spec config-linux.md#memory
    """
    prefix = "linux.resources.memory"
    limit, swap = memory.get("limit"), memory.get("swap")
    if swap:
        if swap < 0:
            value = "max"
        elif limit is None or limit < 0 or swap < limit:
            raise _impossible(f"{prefix}.swap", f"{swap} needs a limit that is not above it")
        else:
            value = str(swap - limit)
        yield _write(f"{prefix}.swap", "memory", "memory.swap.max", value)
    if limit:
        value = "max" if limit < 0 else str(limit)
        yield _write(f"{prefix}.limit", "memory", "memory.max", value)
    reservation = memory.get("reservation")
    if reservation:
        value = "max" if reservation < 0 else str(reservation)
        yield _write(f"{prefix}.reservation", "memory", "memory.low", value)
    for name in ("kernel", "kernelTCP", "swappiness", "disableOOMKiller"):
        if memory.get(name) and memory[name] != -1:
            raise _impossible(f"{prefix}.{name}", "does not exist in control groups version 2")


def _cpu(cpu: dict[str, Any]) -> Iterator[Write]:
    """Shares from 2 to 262144 become a weight from 1 to 10000.

    Spec: runtime-spec config-linux.md#cpu
    """
    prefix = "linux.resources.cpu"
    if cpu.get("idle") is not None:
        yield _write(f"{prefix}.idle", "cpu", "cpu.idle", str(cpu["idle"]))
    # An idle group has no weight.
    if cpu.get("shares") and not cpu.get("idle"):
        shares = min(max(cpu["shares"], 2), 262144)
        weight = 1 + (shares - 2) * 9999 // 262142
        yield _write(f"{prefix}.shares", "cpu", "cpu.weight", str(weight))
    if cpu.get("quota") or cpu.get("period"):
        quota = cpu.get("quota") or -1
        value = f"{quota if quota > 0 else 'max'} {cpu.get('period') or 100000}"
        yield _write(f"{prefix}.quota", "cpu", "cpu.max", value)
    if cpu.get("burst"):
        yield _write(f"{prefix}.burst", "cpu", "cpu.max.burst", str(cpu["burst"]))
    for name in ("cpus", "mems"):
        if cpu.get(name):
            yield _write(f"{prefix}.{name}", "cpuset", f"cpuset.{name}", cpu[name])
    for name in ("realtimeRuntime", "realtimePeriod"):
        if cpu.get(name):
            raise _impossible(f"{prefix}.{name}", "does not exist in control groups version 2")


def _block_io(block_io: dict[str, Any]) -> Iterator[Write]:
    """Weights from 10 to 1000 become those of the BFQ scheduler, which has the same range.

    Spec: runtime-spec config-linux.md#block-io
    """
    prefix = "linux.resources.blockIO"
    if block_io.get("weight"):
        value = str(block_io["weight"])
        yield _write(f"{prefix}.weight", "io", "io.bfq.weight", value)
    for number, device in enumerate(block_io.get("weightDevice") or []):
        if device.get("weight"):
            value = f"{device['major']}:{device['minor']} {device['weight']}"
            yield _write(f"{prefix}.weightDevice[{number}]", "io", "io.bfq.weight", value)
    for name, (_, key) in THROTTLES.items():
        for number, device in enumerate(block_io.get(name) or []):
            value = f"{device['major']}:{device['minor']} {key}={device['rate']}"
            yield _write(f"{prefix}.{name}[{number}]", "io", "io.max", value)
    if block_io.get("leafWeight"):
        raise _impossible(f"{prefix}.leafWeight", "does not exist in control groups version 2")


def _huge_pages(limits: list[dict[str, Any]]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#huge-page-limits"""
    for number, limit in enumerate(limits):
        field = f"linux.resources.hugepageLimits[{number}]"
        file = f"hugetlb.{limit['pageSize']}.max"
        yield _write(field, "hugetlb", file, str(limit["limit"]))


def _network(network: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#network"""
    for name in ("classID", "priorities"):
        if network.get(name):
            field = f"linux.resources.network.{name}"
            raise _impossible(field, "does not exist in control groups version 2")
    yield from ()


def _unified(unified: dict[str, str]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#unified"""
    for file, value in unified.items():
        field = f"linux.resources.unified.{file}"
        if "/" in file or file.startswith("."):
            raise _impossible(field, "is not the name of a file of a control group")
        for line in value.split("\n"):
            yield _write(field, file.partition(".")[0], file, line)


def _write(field: str, controller: str, file: str, value: str) -> Write:
    return Write(field=field, controller=controller, file=file, value=value)


def _impossible(field: str, why: str) -> InvalidConfig:
    return InvalidConfig(
        f"{field} in config.json {why}",
        findings=[(field, why)],
        citation="runtime-spec config-linux.md#unified",
    )

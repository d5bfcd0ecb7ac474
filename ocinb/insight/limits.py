"""The limits of a running container's control groups beside what it uses at this moment."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from ocinb.errors import UnsupportedHost
from ocinb.insight.isolation import ended
from ocinb.linux.cgroup import Cgroup, Hierarchy, hierarchies
from ocinb.linux.syscalls import Kernel
from ocinb.runtime.stats import statistics
from ocinb.table import Table, columns, human_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_COLUMNS = columns("resource used:int limit:int peak:int unit reads field? file?")
"""``used``, ``limit`` and ``peak`` in ``unit`` (bytes, processes, or thousandths of a processor);
``limit`` is missing where there is none; ``reads``: the same in words; ``field`` of config.json
that sets the limit, ``file`` of the control group that holds it."""

SAMPLE = 0.1
"""Seconds over which the use of processors is taken."""

_NO_LIMIT = 1 << 62
"""What version 1 says for no limit is a little less than 2^63, and depends on the page size."""


def limits_table(pid: int, name: str) -> Table:
    """A row for each resource that is counted.

    Args:
        pid: of the container's first process.
        name: the container's.

    Raises:
        InvalidStatus: it has ended. UnsupportedHost: this machine has no control groups, or the
            container shares ours.

    Spec: runtime-spec config-linux.md#control-groups
    """
    try:
        group = _group(pid)
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ended(name) from error
    if not group.version:
        raise UnsupportedHost("this machine has no control groups to count in")
    if set(group.directories.values()) <= set(_group(os.getpid()).directories.values()):
        raise UnsupportedHost(
            f"container {name} has no control group of its own",
            hint="an ordinary user gets one where systemd delegates it; ocinb doctor says more",
        )
    before, begun = statistics(group), time.monotonic()
    time.sleep(SAMPLE)
    after, passed = statistics(group), time.monotonic() - begun
    rows = [*_memory(group, after), _cpu(group, before, after, passed), _pids(after)]
    return Table(LIMIT_COLUMNS, rows, title=f"limits of {name}", key="resource")


def _group(pid: int) -> Cgroup:
    """The control groups of a process, version 1 or 2."""
    theirs, ours = _paths(pid), _paths(os.getpid())
    directories: dict[str, str] = {}
    version = 0
    for tree in hierarchies():
        key = "" if tree.version == 2 else ",".join(tree.controllers)
        if key in theirs:
            directory = _directory(tree, theirs[key], ours[key])
            directories.update(dict.fromkeys(tree.controllers or ("",), directory))
            version = tree.version
    return Cgroup(Kernel(), directories, (), version)


def _directory(tree: Hierarchy, path: str, own: str) -> str:
    """Where a group lies; the tree may be mounted from a directory of it."""
    shown = tree.own.removeprefix(tree.mount_point)
    hidden = own.removesuffix(shown) if own.endswith(shown) else ""
    return tree.mount_point + path.removeprefix(hidden if hidden != "/" else "")


def _paths(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        lines = (line.rstrip("\n").split(":", 2) for line in file)
        return {controllers: path for _, controllers, path in lines}


def _memory(group: Cgroup, counted: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    two = group.version == 2
    usage = counted["memory"]["usage"]
    limit, peak = _limit(usage["limit"]), usage["max"] or None
    file = "memory.max" if two else "memory.limit_in_bytes"
    reads = _of(human_memory(usage["usage"]), human_memory(limit) if limit else "")
    yield (
        "memory", usage["usage"], limit, peak, "bytes", reads,
        "linux.resources.memory.limit", file,
    )  # fmt: skip
    swap = counted["memory"]["swap"]
    if swap["usage"] or _limit(swap["limit"]):
        limit = _limit(swap["limit"])
        reads = _of(human_memory(swap["usage"]), human_memory(limit) if limit else "")
        yield (
            "swap" if two else "memory and swap", swap["usage"], limit, swap.get("max") or None,
            "bytes", reads, "linux.resources.memory.swap",
            "memory.swap.max" if two else "memory.memsw.limit_in_bytes",
        )  # fmt: skip


def _cpu(
    group: Cgroup, before: dict[str, Any], after: dict[str, Any], passed: float
) -> tuple[Any, ...]:
    spent = after["cpu"]["usage"]["total"] - before["cpu"]["usage"]["total"]
    used = round(spent / 1e6 / passed)
    if group.version == 2:
        quota, _, period = (group.read("", "cpu.max") or "max 100000").partition(" ")
        file = "cpu.max"
    else:
        quota = group.read("cpu", "cpu.cfs_quota_us")
        period = group.read("cpu", "cpu.cfs_period_us") or "100000"
        file = "cpu.cfs_quota_us"
    limit = round(1000 * int(quota) / int(period)) if quota.isdigit() else None
    reads = _of(f"{used / 1000:.2f}", f"{limit / 1000:.2f}" if limit else "") + " processors"
    return (
        "processors", used, limit, None, "thousandths", reads, "linux.resources.cpu.quota", file
    )  # fmt: skip


def _pids(counted: dict[str, Any]) -> tuple[Any, ...]:
    used, limit = counted["pids"]["current"], counted["pids"].get("limit")
    reads = _of(str(used), str(limit) if limit else "") + " processes"
    return (
        "processes",
        used,
        limit,
        None,
        "processes",
        reads,
        "linux.resources.pids.limit",
        "pids.max",
    )


def _limit(value: int) -> int | None:
    return value if 0 < value < _NO_LIMIT else None


def _of(used: str, limit: str) -> str:
    return f"{used} of {limit}" if limit else f"{used} of any number of"

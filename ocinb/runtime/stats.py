"""What a container uses, as its control groups count it, in the form of runc's ``events``.

Spec: none (runc convention)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.cgroup import Cgroup

_NO_LIMIT = 2**64 - 1
_MICROSECOND = 1000  # nanoseconds
_TICK = 10_000_000  # nanoseconds: cpuacct.stat counts hundredths of a second
_READ_WRITE = {"rbytes": "Read", "wbytes": "Write", "rios": "Read", "wios": "Write"}


def statistics(cgroup: Cgroup) -> dict[str, Any]:
    """The counters of a container's control groups; what this machine does not count is 0."""
    return _version_2(cgroup) if cgroup.version == 2 else _version_1(cgroup)


def oom_kills(cgroup: Cgroup) -> int:
    """How many processes were killed because there was no memory left for them."""
    if cgroup.version == 2:
        return _keys(cgroup.read("memory", "memory.events")).get("oom_kill", 0)
    return _keys(cgroup.read("memory", "memory.oom_control")).get("oom_kill", 0)


def _version_1(cgroup: Cgroup) -> dict[str, Any]:
    ticks = _keys(cgroup.read("cpuacct", "cpuacct.stat"))
    throttled = _keys(cgroup.read("cpu", "cpu.stat"))
    memory = _keys(cgroup.read("memory", "memory.stat"))
    return {
        "cpu": {
            "usage": {
                "total": _number(cgroup, "cpuacct", "cpuacct.usage"),
                "percpu": [*map(int, cgroup.read("cpuacct", "cpuacct.usage_percpu").split())],
                "kernel": ticks.get("system", 0) * _TICK,
                "user": ticks.get("user", 0) * _TICK,
            },
            "throttling": {
                "periods": throttled.get("nr_periods", 0),
                "throttledPeriods": throttled.get("nr_throttled", 0),
                "throttledTime": throttled.get("throttled_time", 0),
            },
        },
        "memory": {
            "cache": memory.get("cache", 0),
            "usage": _memory_v1(cgroup, "memory"),
            "swap": _memory_v1(cgroup, "memory.memsw"),
            "kernel": _memory_v1(cgroup, "memory.kmem"),
            "kernelTCP": _memory_v1(cgroup, "memory.kmem.tcp"),
            "raw": memory,
        },
        "pids": _pids(cgroup),
        "blkio": {
            "ioServiceBytesRecursive": _blkio(cgroup, "blkio.throttle.io_service_bytes_recursive"),
            "ioServicedRecursive": _blkio(cgroup, "blkio.throttle.io_serviced_recursive"),
        },
        "hugetlb": {},
        "intel_rdt": {},
        "network_interfaces": None,
    }


def _memory_v1(cgroup: Cgroup, prefix: str) -> dict[str, int]:
    return {
        "limit": _number(cgroup, "memory", f"{prefix}.limit_in_bytes"),
        "usage": _number(cgroup, "memory", f"{prefix}.usage_in_bytes"),
        "max": _number(cgroup, "memory", f"{prefix}.max_usage_in_bytes"),
        "failcnt": _number(cgroup, "memory", f"{prefix}.failcnt"),
    }


def _blkio(cgroup: Cgroup, file: str) -> list[dict[str, Any]]:
    entries = []
    for line in cgroup.read("blkio", file).splitlines():
        device, *rest = line.split()
        if len(rest) == 2 and ":" in device:
            major, minor = map(int, device.split(":"))
            entries.append({"major": major, "minor": minor, "op": rest[0], "value": int(rest[1])})
    return entries


def _version_2(cgroup: Cgroup) -> dict[str, Any]:
    cpu = _keys(cgroup.read("", "cpu.stat"))
    memory = _keys(cgroup.read("memory", "memory.stat"))
    events = _keys(cgroup.read("memory", "memory.events"))
    return {
        "cpu": {
            "usage": {
                "total": cpu.get("usage_usec", 0) * _MICROSECOND,
                "kernel": cpu.get("system_usec", 0) * _MICROSECOND,
                "user": cpu.get("user_usec", 0) * _MICROSECOND,
            },
            "throttling": {
                "periods": cpu.get("nr_periods", 0),
                "throttledPeriods": cpu.get("nr_throttled", 0),
                "throttledTime": cpu.get("throttled_usec", 0) * _MICROSECOND,
            },
        },
        "memory": {
            "cache": memory.get("file", 0),
            "usage": {
                "limit": _number(cgroup, "memory", "memory.max"),
                "usage": _number(cgroup, "memory", "memory.current"),
                "max": _number(cgroup, "memory", "memory.peak"),
                "failcnt": events.get("max", 0),
            },
            "swap": {
                "limit": _number(cgroup, "memory", "memory.swap.max"),
                "usage": _number(cgroup, "memory", "memory.swap.current"),
                "failcnt": 0,
            },
            "raw": memory,
        },
        "pids": _pids(cgroup),
        "blkio": _io(cgroup),
        "hugetlb": {},
        "intel_rdt": {},
        "network_interfaces": None,
    }


def _io(cgroup: Cgroup) -> dict[str, list[dict[str, Any]]]:
    bytes_: list[dict[str, Any]] = []
    operations: list[dict[str, Any]] = []
    for line in cgroup.read("io", "io.stat").splitlines():
        device, *pairs = line.split()
        major, minor = map(int, device.split(":"))
        for pair in pairs:
            key, _, value = pair.partition("=")
            if key in _READ_WRITE:
                entry = {"major": major, "minor": minor, "op": _READ_WRITE[key]}
                target = bytes_ if key.endswith("bytes") else operations
                target.append({**entry, "value": int(value)})
    return {"ioServiceBytesRecursive": bytes_, "ioServicedRecursive": operations}


def _pids(cgroup: Cgroup) -> dict[str, int]:
    current = _number(cgroup, "pids", "pids.current")
    limit = _number(cgroup, "pids", "pids.max")
    return {"current": current} | ({} if limit == _NO_LIMIT else {"limit": limit})


def _number(cgroup: Cgroup, controller: str, file: str) -> int:
    text = cgroup.read(controller, file)
    if text == "max":
        return _NO_LIMIT
    return int(text) if text.isdigit() else 0


def _keys(text: str) -> dict[str, int]:
    """``name number`` lines."""
    words = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}

"""linux.resources as writes to control groups. Pure, but for one look at which files exist.

Spec: runtime-spec config-linux.md#control-groups
"""

from __future__ import annotations

from ocinb.errors import InvalidConfig, SyscallError
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ocinb.linux.cgroup import Cgroup


class Write(Frozen):
    """A value to write.

    Attributes:
        field: of config.json.
        controller: as the kernel calls it; ``cgroup`` for the core files of version 2.
        file: name of the parameter.
        value: what to write.
    """

    field: str
    controller: str
    file: str
    value: str


_MEMORY_V1 = {
    "limit": "memory.limit_in_bytes",
    "swap": "memory.memsw.limit_in_bytes",
    "reservation": "memory.soft_limit_in_bytes",
    "kernel": "memory.kmem.limit_in_bytes",
    "kernelTCP": "memory.kmem.tcp.limit_in_bytes",
    "swappiness": "memory.swappiness",
}
_CPU_V1 = {
    "shares": ("cpu", "cpu.shares"),
    "period": ("cpu", "cpu.cfs_period_us"),
    "quota": ("cpu", "cpu.cfs_quota_us"),
    "burst": ("cpu", "cpu.cfs_burst_us"),
    "realtimePeriod": ("cpu", "cpu.rt_period_us"),
    "realtimeRuntime": ("cpu", "cpu.rt_runtime_us"),
    "idle": ("cpu", "cpu.idle"),
    "cpus": ("cpuset", "cpuset.cpus"),
    "mems": ("cpuset", "cpuset.mems"),
}
THROTTLES = {
    "throttleReadBpsDevice": ("blkio.throttle.read_bps_device", "rbps"),
    "throttleWriteBpsDevice": ("blkio.throttle.write_bps_device", "wbps"),
    "throttleReadIOPSDevice": ("blkio.throttle.read_iops_device", "riops"),
    "throttleWriteIOPSDevice": ("blkio.throttle.write_iops_device", "wiops"),
}

DEFAULT_DEVICES = (
    ("c", None, None, "m"),
    ("b", None, None, "m"),
    ("c", 1, 3, "rwm"),
    ("c", 1, 5, "rwm"),
    ("c", 1, 7, "rwm"),
    ("c", 1, 8, "rwm"),
    ("c", 1, 9, "rwm"),
    ("c", 5, 0, "rwm"),
    ("c", 5, 1, "rwm"),
    ("c", 5, 2, "rwm"),
    ("c", 136, None, "rwm"),
)
"""Devices that stay usable whatever ``linux.resources.devices`` denies: the default ones, and
pseudoterminals. Making nodes does no harm without leave to open them.

Spec: runtime-spec config-linux.md#default-devices
"""


def asks_for_limits(resources: dict[str, Any]) -> bool:
    """Whether any limit is asked for, rules about devices apart."""
    return any(value for name, value in resources.items() if name != "devices")


def planned(resources: dict[str, Any], version: int) -> list[Write]:
    """The writes for a version of control groups, in the order in which the kernel takes them.

    Raises:
        InvalidConfig: a value that this version cannot express.
    """
    if version == 2:
        from ocinb.runtime.resources_v2 import planned_v2

        return planned_v2(resources)
    if resources.get("unified"):
        raise InvalidConfig(
            "linux.resources.unified in config.json needs control groups version 2",
            findings=[("linux.resources.unified", "needs control groups version 2")],
            citation="runtime-spec config-linux.md#unified",
        )
    return [
        *_devices_v1(resources),
        *_memory_v1(resources.get("memory") or {}),
        *_cpu_v1(resources.get("cpu") or {}),
        *pids_writes(resources.get("pids") or {}),
        *_block_io_v1(resources.get("blockIO") or {}),
        *_huge_pages_v1(resources.get("hugepageLimits") or []),
        *_network_v1(resources.get("network") or {}),
        *rdma_writes(resources.get("rdma") or {}),
    ]


def apply(cgroup: Cgroup, resources: dict[str, Any], *, devices: bool) -> None:
    """Set the limits of a container's control groups.

    Args:
        cgroup: the container's.
        resources: config.json's ``linux.resources``.
        devices: also the rules about devices, which take the host's superuser.

    Raises:
        InvalidConfig: a value that cannot be expressed here, or that the kernel does not take.
        UnsupportedHost: a controller is missing.
    """
    if not devices:
        resources = {name: value for name, value in resources.items() if name != "devices"}
    for planned_write in _ordered(cgroup, planned(resources, cgroup.version)):
        write = _as_it_is_here(cgroup, planned_write)
        try:
            cgroup.write(write.controller, write.file, write.value)
        except SyscallError as error:
            raise InvalidConfig(
                f"{write.field} in config.json cannot be set: writing {write.value!r} to "
                f"{write.file}: {str(error).rpartition(': ')[2]}",
                findings=[(write.field, str(error))],
            ) from None
    directory = cgroup.directory("")
    if devices and cgroup.version == 2 and directory and resources.get("devices"):
        from ocinb.linux.device_filter import DeviceRule, attach

        rules = [
            DeviceRule(allow=allow, kind=kind, major=major, minor=minor, access=access)
            for _, allow, kind, major, minor, access in device_rules(resources)
        ]
        attach(cgroup.kernel, directory, rules)


def _as_it_is_here(cgroup: Cgroup, write: Write) -> Write:
    """The same limit by another file, where this kernel has that one.

    Spec: runtime-spec config-linux.md#huge-page-limits (reservations, if supported)
    """
    controller, _, rest = write.file.partition(".")
    if controller == "hugetlb":
        size, _, kind = rest.rpartition(".")
        reserved = f"hugetlb.{size}.rsvd.{kind}"
        if cgroup.has("hugetlb", reserved):
            return Write(**{**dict(write), "file": reserved})
    if write.file == "io.bfq.weight" and not cgroup.has("io", write.file):
        # Without the BFQ scheduler there is io.weight, from 1 to 10000.
        *device, weight = write.value.split()
        value = str(1 + (int(weight) - 10) * 9999 // 990)
        return Write(**{**dict(write), "file": "io.weight", "value": " ".join([*device, value])})
    return write


def _ordered(cgroup: Cgroup, writes: list[Write]) -> list[Write]:
    """The writes, with memory and swap the other way round where the limit is raised: version 1
    refuses a limit of memory above that of memory and swap together.
    """
    places = {write.file: place for place, write in enumerate(writes)}
    memory, both = (places.get(_MEMORY_V1[name]) for name in ("limit", "swap"))
    if memory is None or both is None:
        return writes
    now = cgroup.read("memory", _MEMORY_V1["swap"])
    limit = int(writes[memory].value)
    if now and (limit < 0 or limit > int(now)):
        writes[memory], writes[both] = writes[both], writes[memory]
    return writes


def device_rules(resources: dict[str, Any]) -> Iterator[tuple[str, bool, str, Any, Any, str]]:
    """Rules in order, the default devices last: field, allow, type, major, minor, access.

    Spec: runtime-spec config-linux.md#allowed-device-list
    """
    listed = resources.get("devices") or []
    for number, rule in enumerate(listed):
        field = f"linux.resources.devices[{number}]"
        kind, access = rule.get("type") or "a", rule.get("access") or "rwm"
        yield field, rule["allow"], kind, rule.get("major"), rule.get("minor"), access
    if listed:
        for kind, major, minor, access in DEFAULT_DEVICES:
            yield "linux.resources.devices", True, kind, major, minor, access


def _devices_v1(resources: dict[str, Any]) -> Iterator[Write]:
    for field, allow, kind, major, minor, access in device_rules(resources):
        value = f"{kind} {_number(major)}:{_number(minor)} {access}"
        file = "devices.allow" if allow else "devices.deny"
        yield Write(field=field, controller="devices", file=file, value=value)


def _number(number: int | None) -> str:
    return "*" if number is None or number < 0 else str(number)


def _memory_v1(memory: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#memory"""
    for name, file in _MEMORY_V1.items():
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


def _cpu_v1(cpu: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#cpu"""
    for name, (controller, file) in _CPU_V1.items():
        # 0 and "" are how callers written in Go leave a field out.
        if cpu.get(name):
            field = f"linux.resources.cpu.{name}"
            yield Write(field=field, controller=controller, file=file, value=str(cpu[name]))


def pids_writes(pids: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#pids"""
    limit = pids.get("limit")
    if limit is not None:
        value = "max" if limit < 0 else str(limit)
        yield Write(
            field="linux.resources.pids.limit", controller="pids", file="pids.max", value=value
        )


def _block_io_v1(block_io: dict[str, Any]) -> Iterator[Write]:
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


def _huge_pages_v1(limits: list[dict[str, Any]]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#huge-page-limits"""
    for number, limit in enumerate(limits):
        field = f"linux.resources.hugepageLimits[{number}]"
        file = f"hugetlb.{limit['pageSize']}.limit_in_bytes"
        yield Write(field=field, controller="hugetlb", file=file, value=str(limit["limit"]))


def _network_v1(network: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#network"""
    if network.get("classID"):
        field, value = "linux.resources.network.classID", str(network["classID"])
        yield Write(field=field, controller="net_cls", file="net_cls.classid", value=value)
    for number, entry in enumerate(network.get("priorities") or []):
        field = f"linux.resources.network.priorities[{number}]"
        value = f"{entry['name']} {entry['priority']}"
        yield Write(field=field, controller="net_prio", file="net_prio.ifpriomap", value=value)


def rdma_writes(devices: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#rdma"""
    for device, limit in devices.items():
        words = [device]
        if limit.get("hcaHandles") is not None:
            words.append(f"hca_handle={limit['hcaHandles']}")
        if limit.get("hcaObjects") is not None:
            words.append(f"hca_object={limit['hcaObjects']}")
        field = f"linux.resources.rdma.{device}"
        yield Write(field=field, controller="rdma", file="rdma.max", value=" ".join(words))

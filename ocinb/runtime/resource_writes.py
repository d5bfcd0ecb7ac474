"""What the two versions of control groups have in common: a limit is a value written to a file.

Spec: runtime-spec config-linux.md#control-groups
"""

from __future__ import annotations

from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


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


def pids_writes(pids: dict[str, Any]) -> Iterator[Write]:
    """Spec: runtime-spec config-linux.md#pids"""
    limit = pids.get("limit")
    if limit is not None:
        value = "max" if limit < 0 else str(limit)
        yield Write(
            field="linux.resources.pids.limit", controller="pids", file="pids.max", value=value
        )


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

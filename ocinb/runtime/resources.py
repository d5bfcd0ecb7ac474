"""linux.resources as writes to control groups. Pure, but for one look at which files exist.

Spec: runtime-spec config-linux.md#control-groups
"""

from __future__ import annotations

from ocinb.errors import InvalidConfig, SyscallError
from ocinb.runtime.resource_writes import Write, device_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.cgroup import Cgroup


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
    from ocinb.runtime.resources_v1 import planned_v1

    return planned_v1(resources)


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
    if controller == "blkio" and not cgroup.has("blkio", write.file):
        # Since Linux 5.0 there is only the BFQ scheduler's weight.
        scheduled = f"blkio.bfq.{rest}"
        if cgroup.has("blkio", scheduled):
            return Write(**{**dict(write), "file": scheduled})
    return write


def _ordered(cgroup: Cgroup, writes: list[Write]) -> list[Write]:
    """The writes, with memory and swap the other way round where the limit is raised: version 1
    refuses a limit of memory above that of memory and swap together.
    """
    from ocinb.runtime.resources_v1 import MEMORY_FILES

    places = {write.file: place for place, write in enumerate(writes)}
    memory, both = (places.get(MEMORY_FILES[name]) for name in ("limit", "swap"))
    if memory is None or both is None:
        return writes
    now = cgroup.read("memory", MEMORY_FILES["swap"])
    limit = int(writes[memory].value)
    if now and (limit < 0 or limit > int(now)):
        writes[memory], writes[both] = writes[both], writes[memory]
    return writes

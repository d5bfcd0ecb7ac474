"""linux.netDevices: interfaces of the host that become the container's.

Spec: runtime-spec config-linux.md#network-devices
"""

from __future__ import annotations

import os

from ocinb.errors import StepFailed, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.link_moves import Interface, Links
from ocinb.linux.namespaces import open_namespace, same

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.recording import Recording

_CITATION = "runtime-spec config-linux.md#network-devices"
_NOT_PERMITTED = 1


def move_devices(recording: Recording, devices: dict[str, Any], pid: int) -> None:
    """Move the devices into the network namespace of the container's process, with their
    permanent addresses, and take them into use.

    All is looked at before the first one moves, and what has moved comes back when another one
    cannot: in a namespace that ends, a virtual device would end too.

    Args:
        recording: of the operation.
        devices: ``linux.netDevices``.
        pid: the container's process.

    Raises:
        StepFailed: there is no such device, or its name is taken, or the kernel refuses.

    Spec: runtime-spec config-linux.md#network-devices
    """
    recording.field = "linux.netDevices"
    there = open_namespace(recording.kernel, f"/proc/{pid}/ns/net", "net")
    try:
        if same(there, "net"):
            raise _failed(
                "linux.netDevices would change the host: the network namespace is that of the "
                "runtime itself"
            )
        with Links() as host, _links_of(recording.kernel, there) as container:
            _move_all(recording, devices, host, container, there)
    finally:
        os.close(there)


def _links_of(kernel: Kernel, namespace: int) -> Links:
    """The interfaces of another network namespace, in which we are for a moment."""
    home = kernel.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        kernel.setns(namespace, f.CLONE_NEWNET)
        try:
            return Links()
        finally:
            kernel.setns(home, f.CLONE_NEWNET)
    finally:
        os.close(home)


def _move_all(
    recording: Recording, devices: dict[str, Any], host: Links, container: Links, there: int
) -> None:
    wishes = _wishes(devices, host, container)
    moved: list[tuple[Interface, Interface, list[bytes]]] = []
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        for interface, name in wishes:
            recording.field = f"linux.netDevices.{interface.name}"
            addresses = host.permanent_addresses(interface)
            arrived = host.send(interface, name, there, container)
            moved.append((interface, arrived, addresses))
            container.add_addresses(arrived, addresses)
            container.set_up(arrived)
    except SyscallError as error:
        for interface, arrived, addresses in reversed(moved):
            back = container.send(arrived, interface.name, home, host)
            host.add_addresses(back, addresses)
            if interface.up:
                host.set_up(back)
        hint = "moving it takes CAP_NET_ADMIN" if error.errno == _NOT_PERMITTED else error.hint
        raise StepFailed(f"{recording.field}: {error}", hint=hint, citation=_CITATION) from None
    finally:
        os.close(home)


def _wishes(devices: dict[str, Any], host: Links, container: Links) -> list[tuple[Interface, str]]:
    """Each device with the name that it shall have."""
    here = {interface.name: interface for interface in host.all()}
    taken = {interface.name for interface in container.all()}
    wishes = []
    for name, wish in devices.items():
        interface = here.get(name)
        new = (wish or {}).get("name") or name
        if interface is None:
            raise _failed(f"linux.netDevices.{name}: the host has no network device {name}")
        if interface.loopback:
            raise _failed(f"linux.netDevices.{name}: a loopback device cannot be moved")
        if new in taken:
            raise _failed(f"linux.netDevices.{name}: the container has a device {new} already")
        if "%d" not in new:
            taken.add(new)
        wishes.append((interface, new))
    return wishes


def _failed(message: str) -> StepFailed:
    return StepFailed(message, citation=_CITATION)

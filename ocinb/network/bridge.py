"""A container on a bridge: a pair of links, an address, a way out, and a way back for ports.

Whoever comes first makes the bridge, whoever goes last removes it, under the network's lock. All
that the packet filter does for a network is one table, named like its bridge; what it does for a
container's ports is another one, named like the container's link.
"""

from __future__ import annotations

import time

from ocinb.errors import NetworkError, OcinbError, SyscallError
from ocinb.event_log import append_event
from ocinb.events import Warned
from ocinb.linux.rtnetlink import Interfaces, Link
from ocinb.network import names
from ocinb.network.attachments import bridge_alias
from ocinb.network.filters import make_way_out, publish, remove_table
from ocinb.network.leases import Lease, Leases, locked
from ocinb.network.subnets import Subnet, to_number, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.network.attachments import Attachment
    from ocinb.network.container_namespace import ContainerNamespace

INTERFACE = "eth0"
"""The container's end, as everywhere."""

_CALLS_THAT_NEED_POWER = (1, 13)


def connect(attachment: Attachment, pid: int) -> None:
    """Connect a container's network namespace with its network.

    Args:
        attachment: see ``plan.py``.
        pid: the container's first process.

    Raises:
        NetworkError: no address, a port that is in use, or the kernel does not let us.
        SyscallError, StorageError. The caller undoes what was made.
    """
    # Not at the top: what undoes this needs neither.
    from ocinb.network.container_namespace import ContainerNamespace
    from ocinb.network.serving import Served

    network = attachment.values["network"]
    subnet = Subnet.parse(network["subnet"])
    with ContainerNamespace(pid) as namespace, Served(attachment) as served:
        lease = _take_address(attachment, subnet, namespace)
        with namespace.interfaces() as inside:
            _configure_inside(attachment, inside, lease, subnet)
        publish(attachment, lease.ip, served.ports)
        served.serve(lease.ip, pid)
    attachment.note(ip=lease.ip)


def _take_address(attachment: Attachment, subnet: Subnet, namespace: ContainerNamespace) -> Lease:
    values = attachment.values
    directory = f"{attachment.state}/{values['network']['name']}"
    leases = Leases(directory, subnet)
    with locked(directory):
        known = tuple(values["names"])
        lease = leases.take(attachment.container, known, values["hosts"], values["ip"])
        attachment.tell("made", "lease", lease.ip, f"of {subnet}")
        with Interfaces() as outside:
            try:
                _connect(attachment, outside, lease, subnet, namespace.descriptor)
            except SyscallError as error:
                raise _refused(error) from None
        _introduce(attachment, lease, leases)
    return lease


def detach(attachment: Attachment) -> None:
    """Undo ``connect``, as far as it came.

    Raises:
        SyscallError, StorageError: something could not be removed.
    """
    network, veth = attachment.values["network"], attachment.values["veth"]
    directory = f"{attachment.state}/{network['name']}"
    with locked(directory), Interfaces() as outside:
        leases = Leases(directory, Subnet.parse(network["subnet"]))
        remove_table(attachment, veth)
        released = leases.release(attachment.container)
        others = list(leases)
        for lease in released:
            introduction = names.line(lease.ip, lease.names)
            for other in others:
                names.remove_line(other.hosts, introduction)
            attachment.tell("removed", "lease", lease.ip)
        if others:
            # The pair goes with the container's namespace, a little later. Removing it at once
            # would wait 20 ms for every packet in flight.
            if outside.unplug(veth):
                attachment.tell("removed", "link", veth, "it ends with the namespace")
        else:
            _remove_bridge(attachment, outside)


def _remove_bridge(attachment: Attachment, outside: Interfaces) -> None:
    """Remove a bridge that no container uses, with the last one's link if it is still there."""
    began = time.perf_counter()
    bridge, veth = attachment.values["network"]["bridge"], attachment.values["veth"]
    there = outside.find(bridge)
    doomed = [veth]
    subnet = Subnet.parse(attachment.values["network"]["subnet"])
    if there is None or _is_ours(attachment, there, subnet):
        remove_table(attachment, bridge)
        doomed.append(bridge)
    removed = outside.delete_all(doomed)
    for name in removed:
        attachment.tell("removed", "link", name, seconds=time.perf_counter() - began)


def _connect(
    attachment: Attachment, outside: Interfaces, lease: Lease, subnet: Subnet, namespace: int
) -> None:
    """The bridge, where it is not there yet, and the pair of links."""
    values = attachment.values
    network, veth = values["network"], values["veth"]
    bridge = outside.find(network["bridge"])
    if bridge is not None and _is_ours(attachment, bridge, subnet) and not bridge.alias:
        outside.delete(bridge.name)  # half made by somebody who was killed
        bridge = None
    if bridge is None:
        bridge = _make_bridge(attachment, outside, subnet)
    elif not _is_ours(attachment, bridge, subnet):
        raise NetworkError(f"the link {bridge.name} is not ours, so no container is connected")
    values["mac"] = values["mac"] or _hardware_address(lease.ip)
    began = time.perf_counter()
    outside.add_veth(
        veth,
        INTERFACE,
        namespace=namespace,
        master=bridge.index,
        address=values["mac"],
        alias=f"ocinb container {attachment.container}",
    )
    attachment.tell(
        "made", "link", veth, f"{INTERFACE} in the container", time.perf_counter() - began
    )


def _make_bridge(attachment: Attachment, outside: Interfaces, subnet: Subnet) -> Any:
    network = attachment.values["network"]
    name, gateway = network["bridge"], to_text(subnet.gateway)
    for ip, bits, _ in outside.routes():
        if bits and subnet.overlaps(Subnet(base=(to_number(ip) or 0), prefix=bits)):
            raise NetworkError(f"{subnet} overlaps {ip}/{bits}, which is reached already")
    began = time.perf_counter()
    address = _hardware_address(gateway)
    outside.add_bridge(name, address=address)
    bridge = outside.find(name)
    assert bridge is not None
    outside.add_address(bridge.index, gateway, subnet.prefix)
    attachment.tell(
        "made", "link", name, f"bridge, {gateway}/{subnet.prefix}", time.perf_counter() - began
    )
    try:
        make_way_out(attachment, subnet)
    except OcinbError as error:
        message = f"containers of network {network['name']} reach this machine and each other only"
        warned = Warned(message=f"{message}: {error.message}")
        append_event(attachment.values["events"], warned, create=False)
    outside.set_alias(name, _alias(attachment))  # last: it says that the bridge is whole
    return bridge


def _alias(attachment: Attachment) -> str:
    return bridge_alias(attachment.values["network"]["name"], attachment.state)


def _is_ours(attachment: Attachment, bridge: Link, subnet: Subnet) -> bool:
    """By its alias, or by its address before it has one; its name could be anybody's."""
    if bridge.alias:
        return bridge.alias == _alias(attachment)
    return bridge.address == _hardware_address(to_text(subnet.gateway))


def _introduce(attachment: Attachment, lease: Lease, leases: Leases) -> None:
    """Tell the container the names of the others, and the others its own."""
    others = [other for other in leases if other.ip != lease.ip]
    mine = names.line(lease.ip, lease.names)
    theirs = [names.line(other.ip, other.names) for other in others if other.names]
    names.write_hosts(lease.hosts, [*attachment.values["base_hosts"], mine, *theirs])
    for other in others:
        names.add_line(other.hosts, mine)


def _configure_inside(
    attachment: Attachment, inside: Interfaces, lease: Lease, subnet: Subnet
) -> None:
    link = inside.find(INTERFACE)
    if link is None:
        raise NetworkError(f"the container's {INTERFACE} is not there any more")
    inside.set_up("lo")
    inside.add_address(link.index, lease.ip, subnet.prefix)
    inside.set_up(INTERFACE)
    attachment.tell("made", "address", f"{lease.ip}/{subnet.prefix}", f"on {INTERFACE}")
    if not attachment.values["network"]["internal"]:
        gateway = to_text(subnet.gateway)
        inside.add_default_route(gateway)
        attachment.tell("made", "route", "default", f"via {gateway}")


def _hardware_address(ip: str) -> str:
    """Locally administered, and made of the address: so no neighbour remembers a wrong one."""
    return "02:0c:" + ":".join(f"{int(part):02x}" for part in ip.split("."))


def _refused(error: SyscallError) -> NetworkError:
    if error.errno in _CALLS_THAT_NEED_POWER:
        return NetworkError(
            f"the kernel refuses a bridge here: {error}",
            hint="it takes CAP_NET_ADMIN; --network none and --network host do without",
        )
    said = f" ({error.hint})" if error.hint else ""
    return NetworkError(f"the container could not be connected: {error}{said}")

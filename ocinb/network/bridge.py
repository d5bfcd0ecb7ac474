"""A container on a bridge: a pair of links, an address, a way out, and a way back for ports.

Whoever comes first makes the bridge, whoever goes last removes it, under the network's lock. All
that the packet filter does for a network is one table, named like its bridge; what it does for a
container's ports is another one, named like the container's link.
"""

from __future__ import annotations

import time

from ocinb.errors import NetworkError, OcinbError, SyscallError
from ocinb.events import Warned
from ocinb.linux import nftables as nft
from ocinb.linux.rtnetlink import Interfaces, Link
from ocinb.network import names
from ocinb.network.attachments import append, bridge_alias
from ocinb.network.leases import Lease, Leases, Subnet, locked, to_number, to_text
from ocinb.network.ports import EVERYWHERE, PublishedPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocinb.network.attachments import Attachment
    from ocinb.network.container_namespace import ContainerNamespace

INTERFACE = "eth0"
"""The container's end, as everywhere."""

_FORWARDING = "/proc/sys/net/ipv4/ip_forward"
_PROTOCOLS = {"tcp": nft.TCP, "udp": nft.UDP}
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
        _publish(attachment, lease.ip, served.ports)
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


def _publish(attachment: Attachment, ip: str, ports: Sequence[PublishedPort]) -> None:
    """Send what comes from other machines to published ports on to the container.

    What comes from this machine takes the way through the proxy, which has the ports open; where
    there is no packet filter, so does the rest, and loses its sender's address.
    """
    bridge, table = attachment.values["network"]["bridge"], attachment.values["veth"]
    rules: list[nft.Rule] = []
    for port in ports:
        if port.loopback:
            continue
        where = (
            nft.destination_is_local()
            if port.host_ip == EVERYWHERE
            else nft.destination_in(port.host_ip, 32)
        )
        to_us = [*nft.from_interface(bridge, negated=True), *where]
        to_port = nft.port_is(_PROTOCOLS[port.protocol], port.host_port)
        rules.append([*to_us, *to_port, *nft.send_to(ip, port.port)])
    if not rules:
        return
    chain = nft.Chain("nat", "prerouting", "dstnat", rules)
    try:
        with nft.Tables() as tables:
            tables.add(table, [chain], comment=f"ports of container {attachment.container}"[:120])
    except SyscallError as error:
        append(attachment.values["events"], Warned(message=f"no packet filter: {error}"))
        return
    attachment.tell("made", "filter", table, f"{len(rules)} ports lead to {ip}")


def detach(attachment: Attachment) -> None:
    """Undo ``connect``, as far as it came.

    Raises:
        SyscallError, StorageError: something could not be removed.
    """
    network, veth = attachment.values["network"], attachment.values["veth"]
    directory = f"{attachment.state}/{network['name']}"
    with locked(directory), Interfaces() as outside:
        leases = Leases(directory, Subnet.parse(network["subnet"]))
        _remove_table(attachment, veth)
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
        _remove_table(attachment, bridge)
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
        _make_way_out(attachment, subnet)
    except OcinbError as error:
        message = f"containers of network {network['name']} reach this machine and each other only"
        append(attachment.values["events"], Warned(message=f"{message}: {error.message}"))
    outside.set_alias(name, _alias(attachment))  # last: it says that the bridge is whole
    return bridge


def _alias(attachment: Attachment) -> str:
    return bridge_alias(attachment.values["network"]["name"], attachment.state)


def _is_ours(attachment: Attachment, bridge: Link, subnet: Subnet) -> bool:
    """By its alias, or by its address before it has one; its name could be anybody's."""
    if bridge.alias:
        return bridge.alias == _alias(attachment)
    return bridge.address == _hardware_address(to_text(subnet.gateway))


def _make_way_out(attachment: Attachment, subnet: Subnet) -> None:
    """Let containers reach what this machine reaches, and nobody else reach them."""
    network = attachment.values["network"]
    bridge, base = network["bridge"], to_text(subnet.base)
    coming = [*nft.from_interface(bridge, negated=True), *nft.to_interface(bridge)]
    going = [*nft.from_interface(bridge), *nft.to_interface(bridge, negated=True)]
    leaving = [
        *nft.source_in(base, subnet.prefix),
        *nft.to_interface(bridge, negated=True),
    ]
    forward: list[nft.Rule] = [
        [*coming, *nft.belongs_to_a_connection(), *nft.accept()],
        [*coming, *nft.was_sent_elsewhere(), *nft.accept()],
        [*coming, *nft.drop()],
    ]
    chains = [nft.Chain("nat", "postrouting", "srcnat", [[*leaving, *nft.masquerade()]])]
    if network["internal"]:
        chains, forward = [], [[*coming, *nft.drop()], [*going, *nft.drop()]]
    with nft.Tables() as tables:
        tables.delete(bridge)  # of a bridge that somebody else removed
        tables.add(
            bridge,
            [*chains, nft.Chain("filter", "forward", "filter", forward)],
            comment=f"network {network['name']} of {attachment.state}"[:120],
        )
        others = [] if network["internal"] else tables.dropping("forward")
    if others:
        message = (
            f"the packet filter of this machine drops what it forwards ({', '.join(others)}): "
            f"containers of network {network['name']} reach nothing beyond it unless a rule there "
            f"accepts what comes from and goes to {bridge}"
        )
        append(attachment.values["events"], Warned(message=message))
    what = "closed to both sides" if network["internal"] else "masquerade, closed to others"
    attachment.tell("made", "filter", bridge, what)
    if not network["internal"]:
        _switch_forwarding_on(attachment)


def _switch_forwarding_on(attachment: Attachment) -> None:
    """As every engine does, and leaves it so: others may have come to rely on it."""
    try:
        with open(_FORWARDING, encoding="ascii") as file:
            if file.read().strip() != "0":
                return
        with open(_FORWARDING, "w", encoding="ascii") as file:
            file.write("1")
    except OSError as error:
        raise SyscallError("write", (_FORWARDING, "1"), error.errno or 0) from None
    attachment.tell("made", "setting", "net.ipv4.ip_forward", "1; it was 0, and stays 1")


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


def _remove_table(attachment: Attachment, name: str) -> None:
    try:
        with nft.Tables() as tables:
            if name in tables.names() and tables.delete(name):
                attachment.tell("removed", "filter", name)
    except SyscallError as error:
        if error.call in ("socket", "NFT_MSG_GETTABLE"):
            return  # a kernel without packet filters has no table of ours
        raise


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

"""A container on bridges: for each of its networks an interface, addresses, names, a way out.

Whoever comes first makes a network's bridge, whoever goes last removes it, under the network's
lock. All that the packet filter does for a network is one table, named like its bridge; what it
does for a container's ports is another one, named by the container: ``table`` in ``plan.py``.
"""

from __future__ import annotations

from ocinb.errors import NetworkError, SyscallError
from ocinb.linux.rtnetlink import Interfaces
from ocinb.network import names
from ocinb.network.bridge_link import add_pair, make_bridge, refused, remove_bridge
from ocinb.network.filters import publish, remove_table
from ocinb.network.leases import Lease, Leases, locked
from ocinb.network.subnets import Subnet, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ocinb.network.attachments import Attachment
    from ocinb.network.serving import Served


def connect(attachment: Attachment, pid: int) -> None:
    """Connect a container's network namespace with its networks.

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

    values = attachment.values
    names.write_hosts(values["hosts"], values["base_hosts"])
    with ContainerNamespace(pid) as namespace, Served(attachment) as served:
        with namespace.interfaces() as inside:
            inside.set_up("lo")
            for link in values["links"]:
                join(attachment, link, inside, namespace.descriptor)
        lead_ports(attachment, served, pid)
    attachment.note()


def lead_ports(attachment: Attachment, served: Served, pid: int) -> None:
    """Have published ports lead to a container through the first of its networks.

    Args:
        attachment: of the container, which is connected with its networks.
        served: its ports.
        pid: its first process.

    Spec: none (Docker convention: they lead through the network that was named first)
    """
    if served.ports:
        front = attachment.values["links"][0]
        publish(attachment, front, served.ports)
        served.serve(front.get("address") or front["address6"], pid)


def detach(attachment: Attachment) -> None:
    """Undo ``connect``, as far as it came.

    Raises:
        SyscallError, StorageError: something could not be removed.
    """
    values = attachment.values
    remove_table(attachment, values.get("table", ""))
    with Interfaces() as outside:
        for link in values.get("links") or ():
            leave(attachment, link, outside)


def join(attachment: Attachment, link: dict[str, Any], inside: Interfaces, namespace: int) -> None:
    """Connect a container with one network.

    Args:
        attachment: of the container.
        link: one of its ``links``; gets the keys ``address`` and ``address6``, as far as its
            network has such addresses.
        inside: the interfaces of the container.
        namespace: a descriptor of its network namespace.

    Raises:
        NetworkError, SyscallError, StorageError: as for ``connect``.
    """
    network = link["network"]
    with locked(_directory(attachment, link)):
        for leases, key in _leases(attachment, link):
            known = tuple(link["names"])
            wanted = link["ip" if key == "address" else "ip6"]
            lease = leases.take(attachment.container, known, attachment.values["hosts"], wanted)
            link[key] = lease.ip
            attachment.tell("made", "lease", lease.ip, f"of network {network['name']}")
        with Interfaces() as outside:
            try:
                bridge = make_bridge(attachment, outside, network)
                add_pair(attachment, link, outside, bridge, namespace)
            except SyscallError as error:
                raise refused(error) from None
        for leases, key in _leases(attachment, link):
            _introduce(attachment, link[key], list(leases))
    _configure_inside(attachment, link, inside)


def leave(
    attachment: Attachment,
    link: dict[str, Any],
    outside: Interfaces,
    *,
    staying: bool = False,
) -> None:
    """Undo ``join``, as far as it came.

    Args:
        attachment: of the container.
        link: one of its ``links``.
        outside: the interfaces of this machine.
        staying: whether the container lives on: then it forgets the others of the network.

    Raises:
        SyscallError, StorageError: something could not be removed.
    """
    hosts, used = attachment.values["hosts"], False
    with locked(_directory(attachment, link)):
        for leases, _ in _leases(attachment, link):
            released = leases.release(attachment.container)
            others = list(leases)
            used = used or bool(others)
            for lease in released:
                introduction = names.line(lease.ip, lease.names)
                for other in others:
                    names.remove_line(other.hosts, introduction)
                attachment.tell("removed", "lease", lease.ip)
            if staying:
                for lease in [*released, *others]:
                    names.remove_line(hosts, names.line(lease.ip, lease.names))
        if not used:
            remove_bridge(attachment, link, outside)
        elif staying:
            if outside.delete(link["veth"]):
                attachment.tell("removed", "link", link["veth"])
        elif outside.unplug(link["veth"]):
            # The pair goes with the container's namespace, a little later. Removing it at once
            # would wait 20 ms for every packet in flight.
            attachment.tell("removed", "link", link["veth"], "it ends with the namespace")


def give_way_out(
    attachment: Attachment, links: Iterable[dict[str, Any]], inside: Interfaces
) -> None:
    """Send what goes elsewhere through the first of these networks that has a way out, where
    there is no such route yet; for each version of the protocol.
    """
    for version, key in ((4, "subnet"), (6, "subnet6")):
        if any(not bits for _, bits, _ in inside.routes(version)):
            continue
        for link in links:
            network = link["network"]
            if network["internal"] or not network.get(key):
                continue
            gateway = to_text(Subnet.parse(network[key]).gateway, version)
            inside.add_default_route(gateway)
            attachment.tell("made", "route", "default", f"via {gateway}")
            break


def _directory(attachment: Attachment, link: dict[str, Any]) -> str:
    return f"{attachment.state}/{link['network']['name']}"


def _leases(attachment: Attachment, link: dict[str, Any]) -> list[tuple[Leases, str]]:
    """The addresses of a network for each version of the protocol, and where a link has its own."""
    network, directory = link["network"], _directory(attachment, link)
    return [
        (Leases(directory, Subnet.parse(network[subnet])), key)
        for subnet, key in (("subnet", "address"), ("subnet6", "address6"))
        if network.get(subnet)
    ]


def _introduce(attachment: Attachment, ip: str, leases: list[Lease]) -> None:
    """Tell the container the names of the others, and the others its own."""
    lines = {lease.ip: names.line(lease.ip, lease.names) for lease in leases if lease.names}
    mine = lines.pop(ip, "")
    names.add_lines(attachment.values["hosts"], [mine, *lines.values()] if mine else lines.values())
    for lease in leases:
        if mine and lease.ip != ip:
            names.add_lines(lease.hosts, [mine])


def _configure_inside(attachment: Attachment, link: dict[str, Any], inside: Interfaces) -> None:
    name, network = link["interface"], link["network"]
    found = inside.find(name)
    if found is None:
        raise NetworkError(f"the container's {name} is not there any more")
    for key, version_key in (("subnet", "address"), ("subnet6", "address6")):
        if network.get(key):
            address, prefix = link[version_key], Subnet.parse(network[key]).prefix
            try:
                inside.add_address(found.index, address, prefix)
            except SyscallError as error:
                raise refused(error) from None
            attachment.tell("made", "address", f"{address}/{prefix}", f"on {name}")
    inside.set_up(name)
    give_way_out(attachment, [link], inside)

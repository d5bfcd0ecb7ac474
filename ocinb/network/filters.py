"""What the packet filter does for a network and for a container's ports: a table for each.

A network's table is named like its bridge, a container's like its link on this machine.
"""

from __future__ import annotations

from ocinb.errors import SyscallError
from ocinb.event_log import append_event
from ocinb.events import Warned
from ocinb.linux import nftables as nft
from ocinb.network.ports import EVERYWHERE, PublishedPort
from ocinb.network.subnets import BITS, Subnet, to_text, version_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocinb.network.attachments import Attachment

_FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
_SUBNETS = ("subnet", "subnet6")
_WITHOUT_FILTERS = ("socket", "NFT_MSG_GETTABLE")
"""Calls that a kernel without packet filters refuses."""
_PROTOCOLS = {"tcp": nft.TCP, "udp": nft.UDP}


def make_way_out(
    attachment: Attachment, network: dict[str, Any], subnets: Sequence[Subnet]
) -> None:
    """Let containers reach what this machine reaches, and nobody else reach them.

    Raises:
        SyscallError: the kernel refused.
    """
    for subnet in subnets:
        _make_way_out(attachment, network, subnet)


def _make_way_out(attachment: Attachment, network: dict[str, Any], subnet: Subnet) -> None:
    bridge, base = network["bridge"], to_text(subnet.base, subnet.version)
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
    with nft.Tables(subnet.version) as tables:
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
        append_event(attachment.values["events"], Warned(message=message), create=False)
    what = "closed to both sides" if network["internal"] else "masquerade, closed to others"
    attachment.tell("made", "filter", bridge, f"IPv{subnet.version}: {what}")
    if not network["internal"]:
        _switch_forwarding_on(attachment, subnet.version)


def publish(attachment: Attachment, link: dict[str, Any], ports: Sequence[PublishedPort]) -> None:
    """Send what comes from other machines to published ports on to the container.

    What comes from this machine takes the way through the proxy, which has the ports open; where
    there is no packet filter, or the container has no address of that version, so does the rest,
    and loses its sender's address.

    Args:
        attachment: of the container.
        link: that through which they lead.
        ports: with their numbers.
    """
    for version, key in ((4, "address"), (6, "address6")):
        wanted = _reachable(ports, version)
        if wanted and link.get(key):
            _publish(attachment, link["network"]["bridge"], link[key], wanted)


def _publish(attachment: Attachment, bridge: str, ip: str, ports: Sequence[PublishedPort]) -> None:
    table, version = attachment.values["table"], version_of(ip)
    rules: list[nft.Rule] = []
    for port in ports:
        where = (
            nft.destination_is_local()
            if port.host_ip in EVERYWHERE
            else nft.destination_in(port.host_ip, BITS[version])
        )
        to_us = [*nft.from_interface(bridge, negated=True), *where]
        to_port = nft.port_is(_PROTOCOLS[port.protocol], port.host_port)
        rules.append([*to_us, *to_port, *nft.send_to(ip, port.port)])
    chain = nft.Chain("nat", "prerouting", "dstnat", rules)
    try:
        with nft.Tables(version) as tables:
            tables.add(table, [chain], comment=f"ports of container {attachment.container}"[:120])
    except SyscallError as error:
        append_event(
            attachment.values["events"], Warned(message=f"no packet filter: {error}"), create=False
        )
        return
    attachment.tell("made", "filter", table, f"{len(rules)} ports lead to {ip}")


def missing(attachment: Attachment) -> list[str]:
    """What was to be made for a container and is not there, a sentence each.

    Raises:
        SyscallError: the kernel refused.
    """
    values, wanted = attachment.values, list[tuple[int, str, str]]()
    for link in values["links"]:
        network = link["network"]
        for subnet in (Subnet.parse(network[key]) for key in _SUBNETS if network.get(key)):
            what = f"the IPv{subnet.version} rules of network {network['name']}"
            wanted.append((subnet.version, network["bridge"], what))
    ports = [PublishedPort.of(each) for each in values["ports"]]
    for version, key in ((4, "address"), (6, "address6")):
        if _reachable(ports, version) and any(link.get(key) for link in values["links"][:1]):
            wanted.append((version, values["table"], "the rules that lead to its ports"))
    try:
        there = {version: _tables(version) for version, _, _ in wanted}
    except SyscallError as error:
        if error.call in _WITHOUT_FILTERS:
            return []  # there were none to be made
        raise
    return [
        f"{what} are not there: the packet filter has no table {name}"
        for version, name, what in wanted
        if name not in there[version]
    ]


def remove_table(attachment: Attachment, name: str) -> None:
    """Remove the tables of a name, as far as they are there.

    Raises:
        SyscallError: the kernel refused.
    """
    try:
        for version in (4, 6):
            with nft.Tables(version) as tables:
                if name in tables.names() and tables.delete(name):
                    attachment.tell("removed", "filter", name, f"IPv{version}")
    except SyscallError as error:
        if error.call in _WITHOUT_FILTERS:
            return  # a kernel without packet filters has no table of ours
        raise


def _reachable(ports: Sequence[PublishedPort], version: int) -> list[PublishedPort]:
    """Those that other machines may come by, of a version of the protocol."""
    return [port for port in ports if port.version == version and not port.loopback]


def _tables(version: int) -> list[str]:
    with nft.Tables(version) as tables:
        return tables.names()


def _switch_forwarding_on(attachment: Attachment, version: int) -> None:
    """As every engine does, and leaves it so: others may have come to rely on it."""
    setting = _FORWARDING[version]
    path = f"/proc/sys/{setting.replace('.', '/')}"
    try:
        with open(path, encoding="ascii") as file:
            if file.read().strip() != "0":
                return
        with open(path, "w", encoding="ascii") as file:
            file.write("1")
    except OSError as error:
        raise SyscallError("write", (path, "1"), error.errno or 0) from None
    attachment.tell("made", "setting", setting, "1; it was 0, and stays 1")
    if version == 6:
        message = (
            f"{setting} is 1 from now on: this machine is a router, so it does not take its own "
            "routes from router advertisements any more, unless accept_ra of a link is 2"
        )
        append_event(attachment.values["events"], Warned(message=message), create=False)

"""What the packet filter does for a network and for a container's ports: a table for each.

A network's table is named like its bridge, a container's like its link on this machine.
"""

from __future__ import annotations

from ocinb.errors import SyscallError
from ocinb.event_log import append_event
from ocinb.events import Warned
from ocinb.linux import nftables as nft
from ocinb.network.ports import EVERYWHERE, PublishedPort
from ocinb.network.subnets import Subnet, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.network.attachments import Attachment

_FORWARDING = "/proc/sys/net/ipv4/ip_forward"
_PROTOCOLS = {"tcp": nft.TCP, "udp": nft.UDP}


def make_way_out(attachment: Attachment, subnet: Subnet) -> None:
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
        append_event(attachment.values["events"], Warned(message=message), create=False)
    what = "closed to both sides" if network["internal"] else "masquerade, closed to others"
    attachment.tell("made", "filter", bridge, what)
    if not network["internal"]:
        _switch_forwarding_on(attachment)


def publish(attachment: Attachment, ip: str, ports: Sequence[PublishedPort]) -> None:
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
        warned = Warned(message=f"no packet filter: {error}")
        append_event(attachment.values["events"], warned, create=False)
        return
    attachment.tell("made", "filter", table, f"{len(rules)} ports lead to {ip}")


def remove_table(attachment: Attachment, name: str) -> None:
    """Remove a table, if it is there.

    Raises:
        SyscallError: the kernel refused.
    """
    try:
        with nft.Tables() as tables:
            if name in tables.names() and tables.delete(name):
                attachment.tell("removed", "filter", name)
    except SyscallError as error:
        if error.call in ("socket", "NFT_MSG_GETTABLE"):
            return  # a kernel without packet filters has no table of ours
        raise


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

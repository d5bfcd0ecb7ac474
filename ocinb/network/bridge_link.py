"""The bridge of a network, and the pairs of links that are its ports."""

from __future__ import annotations

import time

from ocinb.errors import NetworkError, OcinbError, SyscallError
from ocinb.event_log import append_event
from ocinb.events import Warned
from ocinb.linux.rtnetlink import Interfaces, Link
from ocinb.network.attachments import bridge_alias
from ocinb.network.filters import make_way_out, remove_table
from ocinb.network.subnets import Subnet, subnet_of, to_number, to_text, version_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.network.attachments import Attachment

    Values = dict[str, Any]

_CALLS_THAT_NEED_POWER = (1, 13)
_SETTINGS = "/proc/sys/net/ipv6/conf"


def make_bridge(attachment: Attachment, outside: Interfaces, network: Values) -> Link:
    """The bridge of a network, made where it is not there yet.

    Raises:
        NetworkError: a link that is not ours has its name, or its addresses lead elsewhere.
        SyscallError: the kernel refused.
    """
    bridge = outside.find(network["bridge"])
    if bridge is not None and _is_ours(attachment, bridge, network) and not bridge.alias:
        outside.delete(bridge.name)  # half made by somebody who was killed
        bridge = None
    if bridge is None:
        return _make(attachment, outside, network)
    if not _is_ours(attachment, bridge, network):
        raise NetworkError(f"the link {bridge.name} is not ours, so no container is connected")
    return bridge


def add_pair(
    attachment: Attachment, link: Values, outside: Interfaces, bridge: Link, namespace: int
) -> None:
    """Make the pair of links that joins a container to a bridge.

    Raises:
        SyscallError: the kernel refused.
    """
    link["mac"] = link["mac"] or _hardware_address(link.get("address") or link["address6"])
    began = time.perf_counter()
    outside.add_veth(
        link["veth"],
        link["interface"],
        namespace=namespace,
        master=bridge.index,
        address=link["mac"],
        alias=f"ocinb container {attachment.container}",
    )
    seconds = time.perf_counter() - began
    where = f"{link['interface']} in the container"
    attachment.tell("made", "link", link["veth"], where, seconds)


def remove_bridge(attachment: Attachment, link: Values, outside: Interfaces) -> None:
    """Remove a bridge that no container uses, with the last one's link if it is still there."""
    began = time.perf_counter()
    network = link["network"]
    there = outside.find(network["bridge"])
    doomed = [link["veth"]]
    if there is None or _is_ours(attachment, there, network):
        remove_table(attachment, network["bridge"])
        doomed.append(network["bridge"])
    removed = outside.delete_all(doomed)
    for name in removed:
        attachment.tell("removed", "link", name, seconds=time.perf_counter() - began)


def refused(error: SyscallError) -> NetworkError:
    """What a person is told when the kernel refuses a link or an address."""
    if error.errno in _CALLS_THAT_NEED_POWER:
        return NetworkError(
            f"the kernel refuses a bridge here: {error}",
            hint="it takes CAP_NET_ADMIN; --network none and --network host do without",
        )
    said = f" ({error.hint})" if error.hint else ""
    return NetworkError(f"the container could not be connected: {error}{said}")


def _make(attachment: Attachment, outside: Interfaces, network: Values) -> Link:
    name = network["bridge"]
    subnets = [Subnet.parse(network[key]) for key in ("subnet", "subnet6") if network.get(key)]
    for subnet in subnets:
        for ip, bits, _ in outside.routes(subnet.version):
            if bits and subnet.overlaps(subnet_of(ip, bits)):
                raise NetworkError(f"{subnet} overlaps {ip}/{bits}, which is reached already")
    began = time.perf_counter()
    outside.add_bridge(name, address=_hardware_address_of(subnets[0]))
    _settle(name, speaks=subnets[-1].version == 6)
    bridge = outside.find(name)
    assert bridge is not None
    gateways = [to_text(subnet.gateway, subnet.version) for subnet in subnets]
    for subnet, gateway in zip(subnets, gateways, strict=True):
        outside.add_address(bridge.index, gateway, subnet.prefix)
    what = ", ".join(f"{ip}/{subnet.prefix}" for ip, subnet in zip(gateways, subnets, strict=True))
    attachment.tell("made", "link", name, f"bridge, {what}", time.perf_counter() - began)
    try:
        make_way_out(attachment, network, subnets)
    except OcinbError as error:
        message = f"containers of network {network['name']} reach this machine and each other only"
        append_event(
            attachment.values["events"], Warned(message=f"{message}: {error.message}"), create=False
        )
    outside.set_alias(name, _alias(attachment, network))  # last: it says that the bridge is whole
    return bridge


def _settle(bridge: str, *, speaks: bool) -> None:
    """Whether this machine speaks IPv6 with the containers of a bridge; and in no case does it
    believe what they say about routes (CVE-2020-13401).
    """
    for name, value in (("accept_ra", "0"), ("disable_ipv6", "0" if speaks else "1")):
        try:
            with open(f"{_SETTINGS}/{bridge}/{name}", "w", encoding="ascii") as file:
                file.write(value)
        except OSError:
            continue  # no IPv6 here, or the settings may only be read: then an address is refused


def _alias(attachment: Attachment, network: Values) -> str:
    return bridge_alias(network["name"], attachment.state)


def _is_ours(attachment: Attachment, bridge: Link, network: Values) -> bool:
    """By its alias, or by its address before it has one; its name could be anybody's."""
    if bridge.alias:
        return bridge.alias == _alias(attachment, network)
    first = Subnet.parse(network["subnet"] or network["subnet6"])
    return bridge.address == _hardware_address_of(first)


def _hardware_address_of(subnet: Subnet) -> str:
    return _hardware_address(to_text(subnet.gateway, subnet.version))


def _hardware_address(ip: str) -> str:
    """Locally administered, and made of the address: so no neighbour remembers a wrong one."""
    version = version_of(ip)
    number = to_number(ip, version) or 0
    if version == 6:
        # All of it has a part in it: addresses that a person chose may differ in front only.
        number = (number >> 96) ^ (number >> 64) ^ (number >> 32) ^ number
    return "02:0c:" + (number & 0xFFFFFFFF).to_bytes(4, "big").hex(":")

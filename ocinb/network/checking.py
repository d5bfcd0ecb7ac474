"""Whether what was made for a container's network is still there."""

from __future__ import annotations

from ocinb.errors import OcinbError
from ocinb.linux import processes
from ocinb.linux.rtnetlink import Interfaces
from ocinb.network.attachments import Attachment
from ocinb.network.container_namespace import ContainerNamespace
from ocinb.network.filters import missing
from ocinb.network.leases import Leases
from ocinb.network.subnets import Subnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check(state: str, container: str, pid: int) -> list[str]:
    """What is not as it was made, a sentence each.

    Args:
        state: ``RUN_ROOT/networks``.
        container: its ID.
        pid: of its first process.
    """
    attachment = Attachment.read(state, container)
    if attachment is None:
        return ["nothing was made for it"]
    found = [
        f"{entry['name']} (process {entry['pid']}) has ended"
        for entry in attachment.values.get("processes") or ()
        if not processes.alive(entry["pid"], entry["started"])
    ]
    kind = attachment.values["kind"]
    try:
        if kind == "bridge":
            found += _check_bridge(attachment, pid)
        elif kind == "cni":
            from ocinb.network.cni_attach import check as check_by_plugins

            check_by_plugins(attachment, pid)
    except OcinbError as error:
        found.append(error.message)
    return found


def _check_bridge(attachment: Attachment, pid: int) -> list[str]:
    links = attachment.values["links"]
    found = [said for link in links for said in _check_link(attachment, link, pid)]
    return [*found, *missing(attachment)]


def _check_link(attachment: Attachment, made: dict[str, Any], pid: int) -> list[str]:
    network, interface, found = made["network"], made["interface"], []
    mine = []
    for subnet in (Subnet.parse(network[key]) for key in ("subnet", "subnet6") if network[key]):
        leases = Leases(f"{attachment.state}/{network['name']}", subnet)
        own = [lease.ip for lease in leases if lease.container == attachment.container]
        if not own:
            found.append("its address is not taken for it")
        mine += own
    with Interfaces() as outside:
        links = {link.name: link for link in outside.links()}
    bridge, veth = links.get(network["bridge"]), links.get(made["veth"])
    if bridge is None:
        found.append(f"the bridge {network['bridge']} is gone")
    elif veth is None:
        found.append(f"its link {made['veth']} is gone")
    elif veth.master != bridge.index or not veth.up:
        found.append(f"its link {made['veth']} is not a port of the bridge")
    with ContainerNamespace(pid) as namespace, namespace.interfaces() as inside:
        link = inside.find(interface)
        all_of_them = [*inside.addresses(4), *inside.addresses(6)]
    there = [ip for index, ip, _ in all_of_them if link and index == link.index]
    if link is None or not link.up:
        found.append(f"{interface} in the container is not up")
    elif not set(mine) <= set(there):
        found.append(f"{interface} in the container has the address {', '.join(there) or 'none'}")
    return found

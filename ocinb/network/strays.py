"""Links, packet filters and addresses that no record speaks of any more."""

from __future__ import annotations

import os

from ocinb.errors import OcinbError, SyscallError
from ocinb.linux import nftables as nft
from ocinb.linux import processes
from ocinb.linux.rtnetlink import Interfaces
from ocinb.network.attachments import Attachment, bridge_alias
from ocinb.network.leases import Leases, locked
from ocinb.network.subnets import Subnet

BRIDGE, VETH = "ocinb-", "ocinbv"
"""What the names of our links and tables begin with."""


def remove_strays(state: str) -> list[str]:
    """Remove what is ours and belongs to nobody; a line each.

    A link is ours if its alias says that it is a network of this very directory; a table if it
    is named after such a link.
    """
    try:
        return _remove(state)
    except OcinbError as error:
        return [f"strays stay: {error.message}"]


def _remove(state: str) -> list[str]:
    found = []
    sets = [f"{network}/leases{which}" for network in _networks(state) for which in ("", "6")]
    for directory in ("attachments", *sets):
        _remove_half_written(f"{state}/{directory}")
    known = {attachment.container for attachment in Attachment.all(state)}
    for network in _networks(state):
        with locked(f"{state}/{network}"), Interfaces() as links:
            used = False
            for version, which in ((4, "leases"), (6, "leases6")):
                everywhere = Subnet(base=0, prefix=0, version=version)
                for lease in Leases(f"{state}/{network}", everywhere):
                    if lease.container in known:
                        used = True
                        continue
                    os.unlink(f"{state}/{network}/{which}/{lease.ip}")
                    found.append(f"the address {lease.ip} of network {network}")
            if used:
                continue
            alias = bridge_alias(network, state)
            for link in links.links():
                if link.alias == alias and link.name.startswith(BRIDGE):
                    _remove_table(link.name)
                    links.delete(link.name)
                    found.append(f"the bridge {link.name} of network {network}")
    return found


def _remove_half_written(directory: str) -> None:
    """Files named ``.PID``, which a process was writing that is gone."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        if name[:1] == "." and name[1:].isdigit() and not processes.start_time(int(name[1:])):
            try:
                os.unlink(f"{directory}/{name}")
            except FileNotFoundError:
                continue


def _networks(state: str) -> list[str]:
    try:
        names = os.listdir(state)
    except FileNotFoundError:
        return []
    return [name for name in names if os.path.exists(f"{state}/{name}/lock")]


def _remove_table(name: str) -> None:
    for version in (4, 6):
        try:
            with nft.Tables(version) as tables:
                tables.delete(name)
        except SyscallError:
            continue

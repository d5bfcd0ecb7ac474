"""``network``: what containers can be connected with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import listing, names_only, never_asking
from ocinb.commands.several import each, remove_users
from ocinb.commands.tree import Group
from ocinb.commands.values import Done, Json, Lines, Picture
from ocinb.errors import CommandError, NetworkError, UnsupportedHost
from ocinb.table import Table, columns, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.commands.session import Session
    from ocinb.engine.containers import ContainerRecord
    from ocinb.network.networks import Network

COLUMNS = columns(
    "name driver subnet containers:int gateway? internal? bridge? created:time? subnet6?"
)
MEMBERS = columns("container ip ports names? mac? link? id? ip6?")


@click.group(cls=Group)
def command() -> None:
    """What containers can be connected with: run --network NAME."""


@command.command()
@names_only
@listing
@click.pass_obj
def ls(session: Session) -> Table:
    """List the networks: ours, and those that CNI configurations describe."""
    return Table(COLUMNS, [*_ours(session), *_by_plugins()], title="networks")


@command.command()
@click.argument("name")
@click.option(
    "--subnet",
    "subnets",
    multiple=True,
    metavar="ADDRESS/BITS",
    help="Of its containers; a free one otherwise. One of each version, with --ipv6.",
)
@click.option(
    "--ipv4",
    type=bool,
    default=True,
    metavar="true|false",
    help="Addresses of IPv4; true if not given.",
)
@click.option("--ipv6", is_flag=True, help="Addresses of IPv6 too, beside those of IPv4.")
@click.option("--internal", is_flag=True, help="No way out of it.")
@click.pass_obj
def create(
    session: Session, name: str, subnets: tuple[str, ...], ipv4: bool, ipv6: bool, internal: bool
) -> Done:
    """Make a network. Its containers reach each other by name."""
    if os.geteuid() != 0:
        raise UnsupportedHost(
            "an ordinary user may not make a network: its bridge would be this machine's",
            hint="run --network bridge connects a container through pasta or slirp4netns",
        )
    by_version: dict[bool, str] = {}
    for subnet in subnets:
        if by_version.setdefault(":" in subnet, subnet) != subnet:
            raise CommandError(
                f"--subnet {subnet}: there is {by_version[':' in subnet]} already",
                hint="a network has one subnet of IPv4, and with --ipv6 one of IPv6",
            )
    made = session.engine.networks.create(
        name,
        subnet=by_version.get(False),
        subnet6=by_version.get(True),
        ipv4=ipv4,
        ipv6=ipv6,
        internal=internal,
    )
    both = ", ".join(map(str, made.subnets))
    return Done(made.name, f"network {made.name} is made: {both}")


@command.command()
@click.argument("network")
@click.argument("container")
@click.option("--ip", metavar="ADDRESS", help="Its address there.")
@click.option("--ip6", metavar="ADDRESS", help="That of IPv6.")
@click.option("--mac-address", metavar="ADDRESS", help="Of its interface's hardware.")
@click.option("--alias", "aliases", multiple=True, metavar="NAME", help="Another name for it.")
@click.pass_obj
def connect(session: Session, /, network: str, container: str, **wishes: Any) -> Done:
    """Connect a container with a further network, by an interface more.

    A running one at once, and so again whenever it is started.
    """
    from ocinb.bundle.options import Membership

    session.engine.connect(container, Membership(network=network, **wishes))
    return Done(container, f"{container} is in network {network}")


@command.command()
@click.argument("network")
@click.argument("container")
@click.pass_obj
def disconnect(session: Session, network: str, container: str) -> Done:
    """Take a container out of a network; it loses that interface.

    Its published ports lead through the first network that is left, if any.
    """
    session.engine.disconnect(container, network)
    return Done(container, f"{container} is not in network {network} any more")


@command.command()
@click.argument("name")
@click.option(
    "--format",
    type=click.Choice(["diagram", "table", "json"]),
    default="diagram",
    help="table: the rows, in a notebook too; json: for scripts.",
)
@click.pass_obj
def inspect(session: Session, name: str, format: str) -> Table | Picture | Json:
    """Show who is in a network: containers, addresses, ports."""
    networks = session.engine.networks
    network = networks.get(name)
    members = list(_members(session, network))
    if format == "json":
        document = {**dict(network), "created": rfc3339(network.created)}
        return Json({**document, "containers": [_member(row) for row in members]})
    way_out = "no way out" if network.internal else f"gateway {network.gateway or network.gateway6}"
    bridge = f"bridge {network.bridge}" if members else "nothing of it is in the kernel now"
    title = f"network {name}: {', '.join(map(str, network.subnets))}, {way_out}, {bridge}"
    table = Table(MEMBERS, members, title=title)
    return table if format == "table" else Picture("network_plan", table)


@command.command()
@click.argument("names", nargs=-1, required=True)
@click.option("-f", "--force", is_flag=True, help="With the containers that use them.")
@click.pass_obj
def rm(session: Session, names: tuple[str, ...], force: bool) -> Done | Lines:
    """Remove networks. One that a container uses stays, but by force."""
    engine = session.engine

    def remove(name: str) -> None:
        if force:
            leases = engine.networks.leases(engine.networks.get(name))
            remove_users(engine.containers, (lease.container for lease in leases))
        engine.networks.remove(name)

    return each(names, remove, "network {} is removed")


@command.command()
@never_asking
@click.pass_obj
def prune(session: Session) -> Lines:
    """Remove all networks that no container uses."""
    networks = session.engine.networks
    unused = [network.name for network in networks if not networks.leases(network)]
    for name in unused:
        networks.remove(name)
    return Lines(unused)


@command.command()
@click.argument("container")
@click.pass_obj
def check(session: Session, container: str) -> Done:
    """Look whether all that was made for a running container's network is still there."""
    from ocinb.network.checking import check as check_network

    record = session.engine.containers.get(container)
    found = check_network(str(session.settings.network_state), record.id, record.pid)
    if found:
        raise NetworkError(f"the network of {record.name} is not as it was made: {found[0]}")
    return Done(record.name, f"the network of {record.name} is as it was made")


def _ours(session: Session) -> Iterator[tuple[Any, ...]]:
    networks = session.engine.networks
    for network in networks:
        yield (
            network.name,
            "bridge",
            network.subnet,
            len(networks.leases(network)),
            network.gateway,
            "yes" if network.internal else "no",
            network.bridge,
            network.created,
            network.subnet6,
        )


def _by_plugins() -> Iterator[tuple[Any, ...]]:
    from ocinb.network.cni_config import CNI, CniNetwork, networks

    for path, found in networks(os.environ):
        if isinstance(found, CniNetwork):
            plugins = ", ".join(plugin["type"] for plugin in found.plugins)
            yield (f"{CNI}{found.name}", plugins, "", None, "", "", str(path), None, "")


def _member(row: tuple[Any, ...]) -> dict[str, Any]:
    """A row of the table as JSON, where lists are lists."""
    found = dict(zip((column.name for column in MEMBERS), row, strict=True))
    return {
        **found,
        "ports": [p for p in found["ports"].split(", ") if p],
        "names": found["names"].split(),
    }


def _members(session: Session, network: Network) -> Iterator[tuple[Any, ...]]:
    networks = session.engine.networks
    made, addresses6 = networks.attachments(network), networks.addresses6(network)
    records: dict[str, ContainerRecord] = {
        record.id: record for record in session.engine.containers.all()
    }
    for lease in networks.leases(network):
        record = records.get(lease.container)
        attachment = made.get(lease.container)
        link = (attachment.link(network.name) if attachment else None) or {}
        yield (
            record.name if record else (*lease.names, lease.container)[0],
            lease.ip if network.subnet else "",
            ", ".join(record.ports) if record else "",
            " ".join(lease.names),
            link.get("mac") or "",
            link.get("veth") or "",
            lease.container,
            addresses6.get(lease.container, ""),
        )

"""Options of ``run`` about a container's network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.commands.field_option import FieldOption
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOOKS = "hooks.createRuntime hooks.poststop"

OPTIONS = (
    FieldOption(
        "--network", "--net", metavar="NETWORK",
        help="none: loopback only; host: that of this machine; bridge, or a name of network "
             "create; container:NAME: that of another one; cni:NAME: by CNI plugins; slirp4netns "
             "or pasta. Not given: none, or bridge where a port is published.",
        sets=f"linux.namespaces {_HOOKS} mounts",
    ),
    FieldOption(
        "-p", "--publish", multiple=True, metavar="[ADDRESS:][PORT:]PORT[/tcp|udp]",
        help="Have a port of this machine lead to one of the container; ranges too. On 127.0.0.1 "
             "if no address is given; 0.0.0.0 opens it to everybody.",
        sets=_HOOKS,
    ),
    FieldOption(
        "-P", "--publish-all", is_flag=True,
        help="Publish each port that the image exposes, on any free one.", sets=_HOOKS,
    ),
    FieldOption(
        "--ip", metavar="ADDRESS", help="Its address in the network.", sets=_HOOKS,
    ),
    FieldOption(
        "--mac-address", metavar="ADDRESS", help="Of its interface's hardware.", sets=_HOOKS,
    ),
    FieldOption(
        "--network-alias", multiple=True, metavar="NAME",
        help="Another name for it among the containers of the network.", sets=_HOOKS,
    ),
    FieldOption(
        "--add-host", multiple=True, metavar="NAME:ADDRESS",
        help="A line of /etc/hosts; host-gateway is this machine.", sets="mounts",
    ),
    FieldOption("--dns", multiple=True, metavar="ADDRESS", help="A name server.", sets="mounts"),
    FieldOption(
        "--dns-search", multiple=True, metavar="DOMAIN", help="A search domain; . is none.",
        sets="mounts",
    ),
    FieldOption(
        "--dns-option", multiple=True, metavar="OPTION", help="As in resolv.conf(5).",
        sets="mounts",
    ),
)  # fmt: skip


def wishes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``ContainerOptions`` by what was typed.

    Raises:
        CommandError: ``--network`` names nothing.
        NetworkError: a value is not what its option takes, or has no meaning with the network.
    """
    from ocinb.bundle.options import NO_NETWORK, Networking
    from ocinb.network.wishes import check

    publishes = values["publish"] or values["publish_all"]
    network = values["network"]
    if network is None:
        network = "bridge" if publishes else NO_NETWORK
    if not network.removeprefix("cni:").removeprefix("container:"):
        raise CommandError("--network names no network", hint="ocinb network ls lists them")
    networking = Networking(
        publish=values["publish"],
        publish_all=values["publish_all"],
        dns=values["dns"],
        dns_search=values["dns_search"],
        dns_options=values["dns_option"],
        add_hosts=values["add_host"],
        ip=values["ip"],
        mac_address=values["mac_address"],
        aliases=values["network_alias"],
    )
    check(network, networking)
    return {"network": network, "networking": networking}

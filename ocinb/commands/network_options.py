"""Options of ``run`` about a container's network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.commands.field_option import FieldOption
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocinb.bundle.options import Membership

_HOOKS = "hooks.createRuntime hooks.poststop"
_KEYS = {"ip": "ip", "ip6": "ip6", "mac": "mac_address", "alias": "aliases"}

OPTIONS = (
    FieldOption(
        "--network", "--net", multiple=True, metavar="NETWORK[:ip=ADDRESS,…]",
        help="none: loopback only; host: that of this machine; bridge, or a name of network "
             "create; container:NAME: that of another one; cni:NAME: by CNI plugins; slirp4netns "
             "or pasta. Not given: none, or bridge where a port is published. Several are an "
             "interface each, in their order; ip=, ip6=, mac= and alias= are for one of them.",
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
        "--ip6", metavar="ADDRESS", help="That of IPv6, in a network that has such.", sets=_HOOKS,
    ),
    FieldOption(
        "--mac-address", metavar="ADDRESS", help="Of its interface's hardware.", sets=_HOOKS,
    ),
    FieldOption(
        "--network-alias", multiple=True, metavar="NAME",
        help="Another name for it among the containers of its networks.", sets=_HOOKS,
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


def membership(text: str) -> Membership:
    """The network of one ``--network``, and what is wished there.

    Raises:
        CommandError: it names none, or wishes for something else.
    """
    from ocinb.bundle.options import Membership

    if not text.removeprefix("cni:").removeprefix("container:"):
        raise CommandError("--network names no network", hint="ocinb network ls lists them")
    name, colon, rest = text.partition(":")
    if not colon or name in ("cni", "container"):
        return Membership(network=text)
    found: dict[str, Any] = {"aliases": []}
    for word in rest.split(","):
        key, _, value = word.partition("=")
        if key not in _KEYS or not value or (key != "alias" and _KEYS[key] in found):
            raise CommandError(
                f"--network {text}: {word!r} is not understood",
                hint="ip=, ip6=, mac=, alias=, as in --network NAME:ip=10.87.1.5,alias=db",
            )
        if key == "alias":
            found["aliases"].append(value)
        else:
            found[_KEYS[key]] = value
    if not name:
        raise CommandError(f"--network {text} names no network", hint="ocinb network ls lists them")
    return Membership(network=name, **found)


def wishes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``ContainerOptions`` by what was typed.

    Raises:
        CommandError: ``--network`` names nothing.
        NetworkError: a value is not what its option takes, or has no meaning with the network.
    """
    from ocinb.bundle.options import NO_NETWORK, Networking
    from ocinb.network.wishes import check

    publishes = values["publish"] or values["publish_all"]
    names = values["network"] or ["bridge" if publishes else NO_NETWORK]
    first, *further = [membership(text) for text in names]
    for option, own in (("--ip", first.ip), ("--ip6", first.ip6), ("--mac-address",
                                                                   first.mac_address)):  # fmt: skip
        given = values[option.removeprefix("--").replace("-", "_")]
        if given and (further or own):
            raise CommandError(
                f"{option} {given}: for which network?", hint="as in --network NAME:ip=ADDRESS"
            )
    network = first.network
    networking = Networking(
        publish=values["publish"],
        publish_all=values["publish_all"],
        dns=values["dns"],
        dns_search=values["dns_search"],
        dns_options=values["dns_option"],
        add_hosts=values["add_host"],
        ip=values["ip"] or first.ip,
        ip6=values["ip6"] or first.ip6,
        mac_address=values["mac_address"] or first.mac_address,
        aliases=values["network_alias"],
        first_aliases=first.aliases,
        further=further,
    )
    check(network, networking)
    return {"network": network, "networking": networking}

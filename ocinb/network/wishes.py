"""Wishes about a container's network that contradict each other, or are malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.bundle.options import Membership
from ocinb.errors import NetworkError
from ocinb.network import membership, resolving, user_space
from ocinb.network.cni_config import CNI
from ocinb.network.publish import parse_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.bundle.options import Networking

NONE, HOST, CONTAINER = "none", "host", "container:"


def check(network: str, wishes: Networking) -> None:
    """Raise ``NetworkError`` where wishes contradict each other, or are malformed.

    What depends on this machine is not looked at.
    """
    parse_all(wishes.publish)
    for text in wishes.add_hosts:
        resolving.parse_host(text)
    for server in wishes.dns:
        resolving.check_server("--dns", server)
    for domain in wishes.dns_search:
        resolving.check_domain("--dns-search", domain)
    for word in wishes.dns_options:
        if not word or any(c.isspace() or c == "#" for c in word):
            raise NetworkError(f"--dns-option {word!r} is not one word")
    for alias in wishes.aliases:
        resolving.check_host_name("--network-alias", alias)
    first = first_of(network, wishes)
    for wish in (first, *wishes.further):
        membership.check(wish)
    _check_meaning(network, wishes)
    _check_several([wish.network for wish in (first, *wishes.further)])


def first_of(network: str, wishes: Networking) -> Membership:
    """What is wished of the network that a container's options name."""
    return Membership(
        network=network,
        ip=wishes.ip,
        ip6=wishes.ip6,
        mac_address=wishes.mac_address,
        aliases=wishes.first_aliases,
    )


def _check_several(names: Sequence[str]) -> None:
    if len(names) == 1:
        return
    for name in names:
        if name in (NONE, HOST, *user_space.KINDS) or name.startswith((CONTAINER, CNI)):
            raise NetworkError(
                f"--network {name} cannot be one of several",
                hint="bridge and networks of ocinb network create can be",
            )
        if names.count(name) > 1:
            raise NetworkError(f"--network {name} is given twice")


def _check_meaning(network: str, wishes: Networking) -> None:
    own = {
        "--publish": wishes.publish or wishes.publish_all,
        "--ip": wishes.ip,
        "--ip6": wishes.ip6,
        "--mac-address": wishes.mac_address,
        "--network-alias": [*wishes.aliases, *wishes.first_aliases],
    }
    meaningless = set(own)
    if network == HOST:
        meaningless.discard("--publish")  # podman and docker warn
    elif network not in (NONE, HOST) and not network.startswith(CONTAINER):
        meaningless = {"--network-alias", "--ip6"} if network.startswith(CNI) else set()
        if network in user_space.KINDS:
            meaningless = {"--ip", "--ip6", "--mac-address", "--network-alias"}
    if network.startswith(CONTAINER):
        own |= {
            "--dns": wishes.dns,
            "--dns-search": wishes.dns_search,
            "--dns-option": wishes.dns_options,
            "--add-host": wishes.add_hosts,
        }
        meaningless = set(own)
    for option in own:
        if own[option] and option in meaningless:
            raise NetworkError(
                f"{option} has no meaning with --network {network}",
                hint="give it to the container whose network is shared"
                if network.startswith(CONTAINER)
                else "--network bridge has one",
            )

"""Wishes about a container's network that contradict each other, or are malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.errors import NetworkError
from ocinb.network import resolving, user_space
from ocinb.network.cni_config import CNI
from ocinb.network.publish import parse_all
from ocinb.network.subnets import to_number

if TYPE_CHECKING:
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
    if wishes.mac_address is not None:
        resolving.hardware_address(wishes.mac_address)
    if wishes.ip is not None and to_number(wishes.ip) is None:
        raise NetworkError(f"--ip {wishes.ip} is not an IPv4 address")
    _check_meaning(network, wishes)


def _check_meaning(network: str, wishes: Networking) -> None:
    own = {
        "--publish": wishes.publish or wishes.publish_all,
        "--ip": wishes.ip,
        "--mac-address": wishes.mac_address,
        "--network-alias": wishes.aliases,
    }
    meaningless = set(own)
    if network == HOST:
        meaningless.discard("--publish")  # podman and docker warn
    elif network not in (NONE, HOST) and not network.startswith(CONTAINER):
        meaningless = {"--network-alias"} if network.startswith(CNI) else set()
        if network in user_space.KINDS:
            meaningless = {"--ip", "--mac-address", "--network-alias"}
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

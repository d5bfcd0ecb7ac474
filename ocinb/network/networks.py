"""The networks of this user: made, listed, removed; each a JSON file in ``ROOT/networks``.

Nothing of a network is in the kernel until its first container is: see ``bridge.py``.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ocinb import plain_json
from ocinb.errors import NetworkError, OcinbError
from ocinb.frozen import Frozen
from ocinb.linux.rtnetlink import Interfaces
from ocinb.network.attachments import Attachment
from ocinb.network.claims import Claims
from ocinb.network.leases import Lease, Leases, locked
from ocinb.network.listeners import NO_IPV6
from ocinb.network.strays import BRIDGE, VETH
from ocinb.network.subnets import Subnet, subnet_of, to_text
from ocinb.whole_file import write_whole

DEFAULT = "bridge"
"""The network of ``--network bridge``, made when it is first used."""

RESERVED = ("none", "host", "default", "container", "cni", "pasta", "slirp4netns", "private")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_IPV6 = "/proc/sys/net/ipv6"
_POOL = Subnet(base=10 << 24 | 87 << 16, prefix=16)
_PREFIX = 24
"""Networks without a subnet of their own get one of 253 addresses out of 10.87.0.0/16."""
_PREFIXES = {4: (8, 30), 6: (16, 126)}
_NOT_OF_HOSTS = ("127.0.0.0/8", "224.0.0.0/3", "::/16", "fe80::/10", "ff00::/8")


class Network(Frozen):
    """A network of containers on this machine.

    Attributes:
        name: unique among this user's.
        subnet: as in ``10.87.0.0/24``; empty: there are addresses of IPv6 only.
        gateway: the bridge's address: the first of the subnet; or empty.
        internal: whether it has no way out.
        created: seconds since the epoch.
        bridge: the name of the link, while there are containers.
        subnet6: of IPv6, as in ``fd00:87::/64``; empty: there are no such addresses.
        gateway6: the bridge's address in it, or empty.
    """

    name: str
    subnet: str
    gateway: str
    internal: bool
    created: float
    bridge: str
    subnet6: str = ""
    gateway6: str = ""

    @property
    def subnets(self) -> list[Subnet]:
        """One, or two: of version 4 and 6."""
        return [Subnet.parse(text) for text in (self.subnet, self.subnet6) if text]


class Networks:
    """The networks of this user.

    Args:
        directory: ``ROOT/networks``; made when the first network is.
        state: ``RUN_ROOT/networks``.
    """

    def __init__(self, directory: Path, state: Path) -> None:
        self._directory = directory
        self.state = str(state)
        self._claims = Claims(self.state)

    def create(
        self,
        name: str,
        *,
        subnet: str | None = None,
        subnet6: str | None = None,
        ipv4: bool = True,
        ipv6: bool = False,
        internal: bool = False,
    ) -> Network:
        """Make a network.

        Args:
            subnet: None: the first free one of 10.87.0.0/16.
            subnet6: of IPv6; None: where ``ipv6`` is asked for, one of those that everybody may
                make up (RFC 4193).
            ipv4: whether containers have addresses of IPv4.
            ipv6: whether they have addresses of IPv6.
            internal: containers reach each other and this machine, and nothing else.

        Raises:
            NetworkError: the name is in use or none; a subnet is none, too small or too large,
                or overlaps another network or a route of this machine; there is no IPv6 here.
            StorageError: the disk refused.
        """
        check_name(name)
        if subnet6 is not None and not ipv6:
            raise NetworkError(f"{subnet6} is of IPv6", hint="ask for that by --ipv6")
        if not (ipv4 or ipv6):
            raise NetworkError("a network has addresses of IPv4 or of IPv6", hint="ask for --ipv6")
        if subnet is not None and not ipv4:
            raise NetworkError(f"{subnet} is of IPv4", hint="ask for that by --ipv4 true")
        wanted6 = (subnet6 or "") if ipv6 else None
        if ipv6:
            check_ipv6()
        with locked(str(self._directory)):
            if self._path(name).exists():
                raise NetworkError(f"there is a network {name} already")
            return self._create(name, (subnet or "") if ipv4 else None, internal, wanted6)

    def get(self, name: str) -> Network:
        """A network by name; ``bridge`` is made where it is not there yet.

        Raises:
            NetworkError: there is none. StorageError.
        """
        found = self._read(name) if _NAME.fullmatch(name) else None
        if found is not None:
            return found
        if name != DEFAULT:
            raise NetworkError(
                f"there is no network {name}",
                hint=f"ocinb network ls lists them, ocinb network create {name} makes it"
                if _NAME.fullmatch(name)
                else "ocinb network ls lists them",
            )
        with locked(str(self._directory)):
            return self._read(name) or self._create(name, "", internal=False)

    def ready(self, name: str) -> Network:
        """A network that a container can be connected with now.

        The addresses of ``bridge`` are ours to choose: others are taken where they lead elsewhere
        by now, as to a network of another user of ocinb.

        Raises:
            NetworkError: there is none; its addresses lead elsewhere. StorageError.
        """
        network = self.get(name)
        if self.leases(network):
            return network
        try:
            if network.subnet6:
                check_ipv6()
            for subnet in network.subnets:
                self._claim(_check(subnet, self._of_this_machine()))
        except NetworkError as error:
            if name != DEFAULT:
                raise NetworkError(
                    f"network {name} cannot be used now: {error.message}",
                    hint="remove the network and make it with other addresses",
                ) from None
            with locked(str(self._directory)):
                self._path(name).unlink(missing_ok=True)
                self._release(network)
                network = self._create(name, "", internal=False)
        return network

    def __iter__(self) -> Iterator[Network]:
        """All of them, by name."""
        try:
            names = sorted(os.listdir(self._directory))
        except FileNotFoundError:
            return
        for file in names:
            found = self._read(file.removesuffix(".json")) if file.endswith(".json") else None
            if found is not None:
                yield found

    def remove(self, name: str) -> None:
        """Remove a network.

        Raises:
            NetworkError: there is none, or containers use it.
        """
        network = self._read(name) if _NAME.fullmatch(name) else None
        if network is None:
            raise NetworkError(f"there is no network {name}", hint="ocinb network ls lists them")
        directory = f"{self.state}/{name}"
        with locked(str(self._directory)), locked(directory):
            users = [
                lease.names[0] if lease.names else lease.container for lease in self.leases(network)
            ]
            if users:
                raise NetworkError(
                    f"network {name} is in use by {', '.join(users)}",
                    hint="remove these containers first",
                )
            self._path(name).unlink(missing_ok=True)
            self._release(network)
            for left in ("leases", "last", "leases6", "last6", "lock"):
                _remove(f"{directory}/{left}")
            _remove(directory)

    def leases(self, network: Network) -> list[Lease]:
        """The addresses in use, in their order: one for each container, of version 4 if it has
        one.
        """
        return list(self._leases(network, 4 if network.subnet else 6))

    def addresses6(self, network: Network) -> dict[str, str]:
        """ID → address of version 6."""
        if not network.subnet6:
            return {}
        return {lease.container: lease.ip for lease in self._leases(network, 6)}

    def check_address(self, network: Network, ip: str | None, ip6: str | None = None) -> None:
        """Raise ``NetworkError`` where a container would get no address now."""
        if network.subnet:
            self._leases(network, 4).check(ip)
        elif ip:
            raise NetworkError(
                f"network {network.name} has no addresses of IPv4, so none is {ip}",
                hint="network create --ipv4 true makes one that has",
            )
        if network.subnet6:
            self._leases(network, 6).check(ip6)
        elif ip6:
            raise NetworkError(
                f"network {network.name} has no addresses of IPv6, so none is {ip6}",
                hint="network create --ipv6 makes one that has",
            )

    def attachments(self, network: Network) -> dict[str, Attachment]:
        """ID → what was made, of the containers of a network."""
        return {
            found.container: found
            for found in Attachment.all(self.state)
            if found.link(network.name) is not None
        }

    def veth(self, container: str, network: str) -> str:
        """The name of the link by which a container is connected with a network."""
        return VETH + _digest(self.state, f"{container}\0{network}")

    def table(self, container: str) -> str:
        """The name of what the packet filter does for a container's ports."""
        return VETH + _digest(self.state, container)

    def _leases(self, network: Network, version: int) -> Leases:
        text = network.subnet if version == 4 else network.subnet6
        return Leases(f"{self.state}/{network.name}", Subnet.parse(text))

    def _create(
        self, name: str, text: str | None, internal: bool, text6: str | None = None
    ) -> Network:
        """Texts are subnets; empty: one of our choice; None: none of that version."""
        taken = [(subnet, f"network {each.name}") for each in self for subnet in each.subnets]
        taken += self._of_this_machine()
        subnet = subnet6 = None
        if text is not None:
            subnet = self._claim(_check(_of_version(text, 4), taken)) if text else self._free(taken)
        if text6 is not None:
            subnet6 = self._claim(_check(_of_version(text6 or _made_up(), 6), taken))
        network = Network(
            name=name,
            subnet=str(subnet or ""),
            gateway=to_text(subnet.gateway) if subnet else "",
            internal=internal,
            created=time.time(),
            bridge=BRIDGE + _digest(self.state, name),
            subnet6=str(subnet6 or ""),
            gateway6=to_text(subnet6.gateway, 6) if subnet6 else "",
        )
        write_whole(self._path(name), plain_json.pretty(dict(network)) + "\n")
        return network

    def _claim(self, subnet: Subnet) -> Subnet:
        if not self._claims.take(str(subnet)):
            raise NetworkError(
                f"{subnet} is claimed by another network of ocinb that is about to be made",
                hint="choose another, or give no subnet",
            )
        return subnet

    def _release(self, network: Network) -> None:
        for subnet in network.subnets:
            self._claims.release(str(subnet))

    def _free(self, taken: list[tuple[Subnet, str]]) -> Subnet:
        step = 1 << (32 - _PREFIX)
        for base in range(_POOL.base, _POOL.base + _POOL.size, step):
            subnet = Subnet(base=base, prefix=_PREFIX)
            used = any(subnet.overlaps(other) for other, _ in taken)
            if not used and self._claims.take(str(subnet)):
                return subnet
        raise NetworkError(f"no part of {_POOL} is free", hint="name one with --subnet")

    def _of_this_machine(self) -> list[tuple[Subnet, str]]:
        """What is reached already, through other links than the bridges of these networks."""
        return reached({network.bridge for network in self})

    def _read(self, name: str) -> Network | None:
        try:
            document = plain_json.loads(self._path(name).read_bytes())
            known = Network._names.intersection(document)
            network = Network(**{each: document[each] for each in known})
            assert network.subnets
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, OcinbError) as error:
            raise NetworkError(
                f"{self._path(name)} does not describe a network: {error}", hint="remove the file"
            ) from None
        # Both follow from where we are, and so are right also in a copy of somebody's directory.
        return Network(**{**dict(network), "bridge": BRIDGE + _digest(self.state, name)})

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def check_name(name: str) -> None:
    """Raise ``NetworkError`` where a network cannot have this name."""
    if not _NAME.fullmatch(name):
        raise NetworkError(
            f"{name!r} is not a name for a network",
            hint="letters, digits, '_', '.', '-'; at most 63",
        )
    if name in RESERVED or name == DEFAULT:
        raise NetworkError(f"{name} is a word of --network, so no network has that name")
    if name == "attachments":
        raise NetworkError("attachments is a directory of ours, so no network has that name")


def reached(own: set[str]) -> list[tuple[Subnet, str]]:
    """What this machine reaches, and so cannot be a network of containers.

    Args:
        own: names of links that do not count.
    """
    there = []
    with Interfaces() as interfaces:
        names = {link.index: link.name for link in interfaces.links()}
        for version in (4, 6):
            found = [(ip, bits, index) for index, ip, bits in interfaces.addresses(version)]
            for ip, bits, index in [*found, *interfaces.routes(version)]:
                name = names.get(index, "")
                if bits and name not in own:
                    what = f"what {name or 'a route'} leads to"
                    there.append((subnet_of(ip, bits), what))
    return there


def _check(subnet: Subnet, taken: Iterable[tuple[Subnet, str]]) -> Subnet:
    largest, smallest = _PREFIXES[subnet.version]
    if not largest <= subnet.prefix <= smallest:
        raise NetworkError(
            f"a network cannot be {subnet}", hint=f"its prefix is /{largest} to /{smallest}"
        )
    if any(subnet.overlaps(Subnet.parse(special)) for special in _NOT_OF_HOSTS):
        raise NetworkError(f"a network cannot be {subnet}: these are not addresses of hosts")
    for other, whose in taken:
        if subnet.overlaps(other):
            raise NetworkError(
                f"{subnet} overlaps {other}, {whose}", hint="choose another, or give no subnet"
            )
    return subnet


def _of_version(text: str, version: int) -> Subnet:
    subnet = Subnet.parse(text)
    if subnet.version != version:
        raise NetworkError(f"{subnet} is not a subnet of IPv{version}")
    return subnet


def _made_up() -> str:
    """A prefix that nobody else is likely to have. Spec: none (RFC 4193, 3.2.1)"""
    numbers = b"\xfd" + os.urandom(5)
    return f"{to_text(int.from_bytes(numbers.ljust(16, bytes(1)), 'big'), 6)}/64"


def check_ipv6() -> None:
    """Raise ``NetworkError`` where this machine has no IPv6."""
    if not os.path.exists(_IPV6):
        raise NetworkError(NO_IPV6, hint="it was built without, or started with ipv6.disable=1")


def _digest(state: str, name: str) -> str:
    """Nine digits that no other directory or name has: names of links have 15 characters."""
    return hashlib.sha256(f"{state}\0{name}".encode()).hexdigest()[:9]


def _remove(path: str) -> None:
    try:
        os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
    except OSError:
        return  # not there, or somebody has begun to use it again

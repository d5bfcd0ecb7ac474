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
from ocinb.network.leases import Lease, Leases, locked
from ocinb.network.strays import BRIDGE, VETH
from ocinb.network.subnets import Subnet, subnet_of, to_text
from ocinb.whole_file import write_whole

DEFAULT = "bridge"
"""The network of ``--network bridge``, made when it is first used."""

RESERVED = ("none", "host", "default", "container", "cni", "pasta", "slirp4netns", "private")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_POOL = Subnet(base=10 << 24 | 87 << 16, prefix=16)
_PREFIX = 24
"""Networks without a subnet of their own get one of 253 addresses out of 10.87.0.0/16."""
_SMALLEST, _LARGEST = 30, 8


class Network(Frozen):
    """A network of containers on this machine.

    Attributes:
        name: unique among this user's.
        subnet: as in ``10.87.0.0/24``.
        gateway: the bridge's address: the first of the subnet.
        internal: whether it has no way out.
        created: seconds since the epoch.
        bridge: the name of the link, while there are containers.
    """

    name: str
    subnet: str
    gateway: str
    internal: bool
    created: float
    bridge: str


class Networks:
    """The networks of this user.

    Args:
        directory: ``ROOT/networks``; made when the first network is.
        state: ``RUN_ROOT/networks``.
    """

    def __init__(self, directory: Path, state: Path) -> None:
        self._directory = directory
        self.state = str(state)

    def create(self, name: str, *, subnet: str | None = None, internal: bool = False) -> Network:
        """Make a network.

        Args:
            subnet: None: the first free one of 10.87.0.0/16.
            internal: containers reach each other and this machine, and nothing else.

        Raises:
            NetworkError: the name is in use or none; the subnet is none, too small or too large,
                or overlaps another network or a route of this machine.
            StorageError: the disk refused.
        """
        check_name(name)
        with locked(str(self._directory)):
            if self._path(name).exists():
                raise NetworkError(f"there is a network {name} already")
            return self._create(name, subnet, internal)

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
            return self._read(name) or self._create(name, None, False)

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
            _check(Subnet.parse(network.subnet), self._of_this_machine())
        except NetworkError as error:
            if name != DEFAULT:
                raise NetworkError(
                    f"network {name} cannot be used now: {error.message}",
                    hint="remove the network and make it with other addresses",
                ) from None
            with locked(str(self._directory)):
                self._path(name).unlink(missing_ok=True)
                network = self._create(name, None, False)
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
            for left in ("leases", "last", "lock"):
                _remove(f"{directory}/{left}")
            _remove(directory)

    def leases(self, network: Network) -> list[Lease]:
        """The addresses in use, in their order."""
        return list(self._leases(network))

    def check_address(self, network: Network, ip: str | None) -> None:
        """Raise ``NetworkError`` where a container would get no address now."""
        self._leases(network).check(ip)

    def attachments(self, network: Network) -> dict[str, Attachment]:
        """ID → what was made, of the containers of a network."""
        return {
            found.container: found
            for found in Attachment.all(self.state)
            if (found.values.get("network") or {}).get("name") == network.name
        }

    def veth(self, container: str) -> str:
        """The name of the link that leads to a container."""
        return VETH + _digest(self.state, container)

    def _leases(self, network: Network) -> Leases:
        return Leases(f"{self.state}/{network.name}", Subnet.parse(network.subnet))

    def _create(self, name: str, text: str | None, internal: bool) -> Network:
        taken = [(Subnet.parse(each.subnet), f"network {each.name}") for each in self]
        taken += self._of_this_machine()
        subnet = _check(Subnet.parse(text), taken) if text else _free(taken)
        network = Network(
            name=name,
            subnet=str(subnet),
            gateway=to_text(subnet.gateway),
            internal=internal,
            created=time.time(),
            bridge=BRIDGE + _digest(self.state, name),
        )
        write_whole(self._path(name), plain_json.pretty(dict(network)) + "\n")
        return network

    def _of_this_machine(self) -> list[tuple[Subnet, str]]:
        """What is reached already, through other links than the bridges of these networks."""
        return reached({network.bridge for network in self})

    def _read(self, name: str) -> Network | None:
        try:
            document = plain_json.loads(self._path(name).read_bytes())
            network = Network(**{each: document[each] for each in Network._fields})
            Subnet.parse(network.subnet)
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
    if not _LARGEST <= subnet.prefix <= _SMALLEST:
        raise NetworkError(
            f"a network cannot be {subnet}", hint=f"its prefix is /{_LARGEST} to /{_SMALLEST}"
        )
    if subnet.overlaps(Subnet.parse("127.0.0.0/8")) or subnet.overlaps(Subnet.parse("224.0.0.0/3")):
        raise NetworkError(f"a network cannot be {subnet}: these are not addresses of hosts")
    for other, whose in taken:
        if subnet.overlaps(other):
            raise NetworkError(
                f"{subnet} overlaps {other}, {whose}", hint="choose another, or give no subnet"
            )
    return subnet


def _free(taken: list[tuple[Subnet, str]]) -> Subnet:
    step = 1 << (32 - _PREFIX)
    for base in range(_POOL.base, _POOL.base + _POOL.size, step):
        subnet = Subnet(base=base, prefix=_PREFIX)
        if not any(subnet.overlaps(other) for other, _ in taken):
            return subnet
    raise NetworkError(f"no part of {_POOL} is free", hint="name one with --subnet")


def _digest(state: str, name: str) -> str:
    """Nine digits that no other directory or name has: names of links have 15 characters."""
    return hashlib.sha256(f"{state}\0{name}".encode()).hexdigest()[:9]


def _remove(path: str) -> None:
    try:
        os.rmdir(path) if os.path.isdir(path) else os.unlink(path)
    except OSError:
        return  # not there, or somebody has begun to use it again

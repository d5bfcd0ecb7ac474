"""Who has which address of a network: a file for each, named after the address.

A file with its whole content appears by link(2), which fails where there is one: two processes
never get the same address, and a crash leaves either a lease or none.
"""

from __future__ import annotations

import fcntl
import os

from ocinb import plain_json
from ocinb.errors import NetworkError, StorageError
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Subnet(Frozen):
    """A range of IPv4 addresses, as numbers.

    Attributes:
        base: its first address.
        prefix: bits that all its addresses share.
    """

    base: int
    prefix: int

    @classmethod
    def parse(cls, text: str) -> Subnet:
        """The subnet of a text such as ``10.87.0.0/24``.

        Raises:
            NetworkError: it is none, or has bits beyond its prefix.
        """
        address, _, bits = text.partition("/")
        number = to_number(address)
        if number is None or not (bits.isascii() and bits.isdigit()) or int(bits) > 32:
            raise NetworkError(f"{text} is not a subnet", hint="one is like 10.87.1.0/24")
        subnet = cls(base=number, prefix=int(bits))
        if number & (subnet.size - 1):
            clean = to_text(number & ~(subnet.size - 1))
            raise NetworkError(f"{text} is not a subnet", hint=f"did you mean {clean}/{bits}?")
        return subnet

    @property
    def size(self) -> int:
        """Addresses in all, those of the network and of everybody among them."""
        return 1 << (32 - self.prefix)

    @property
    def gateway(self) -> int:
        """The bridge's own address: the first one that is a host's."""
        return self.base + 1

    @property
    def hosts(self) -> range:
        """The addresses that containers may have."""
        return range(self.base + 2, self.base + self.size - 1)

    def overlaps(self, other: Subnet) -> bool:
        """Whether the two have an address in common."""
        prefix = min(self.prefix, other.prefix)
        return self.base >> (32 - prefix) == other.base >> (32 - prefix)

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.base + self.size

    def __str__(self) -> str:
        return f"{to_text(self.base)}/{self.prefix}"


class Lease(Frozen):
    """An address in use.

    Attributes:
        ip: the address.
        container: the ID of who has it.
        names: under which the others of the network know it.
        hosts: the path of its hosts file, in which they are told of each other; or empty.
    """

    ip: str
    container: str
    names: tuple[str, ...]
    hosts: str


class Leases:
    """The addresses of one network.

    Args:
        directory: ``RUN_ROOT/networks/NAME``; made when the first lease is.
        subnet: to take them from.
    """

    def __init__(self, directory: str, subnet: Subnet) -> None:
        self._directory = directory
        self._leases = f"{directory}/leases"
        self._subnet = subnet

    def take(
        self, container: str, names: tuple[str, ...], hosts: str, wanted: str | None = None
    ) -> Lease:
        """An address that nobody has; the one after that which was given last.

        Args:
            wanted: this one or none.

        Raises:
            NetworkError: it is in use or not of the subnet; or all are in use. StorageError.
        """
        for number in self._candidates(wanted):
            lease = Lease(ip=to_text(number), container=container, names=names, hosts=hosts)
            if self._write(lease):
                self._remember(number)
                return lease
        if wanted:
            raise in_use(wanted, self.get(wanted))
        raise exhausted(self._subnet)

    def release(self, container: str) -> list[Lease]:
        """Give back every address of a container; those that it had."""
        mine = [lease for lease in self if lease.container == container]
        for lease in mine:
            try:
                os.unlink(f"{self._leases}/{lease.ip}")
            except FileNotFoundError:
                continue
        return mine

    def get(self, ip: str) -> Lease | None:
        """Who has an address."""
        return _read(f"{self._leases}/{ip}", ip)

    def __iter__(self) -> Iterator[Lease]:
        """All of them, in the order of their addresses."""
        try:
            names = [name for name in os.listdir(self._leases) if to_number(name) is not None]
        except FileNotFoundError:
            return
        for name in sorted(names, key=lambda name: to_number(name) or 0):
            lease = _read(f"{self._leases}/{name}", name)
            if lease is not None:
                yield lease

    def check(self, wanted: str | None) -> None:
        """Raise what ``take`` would, as things are now."""
        if wanted:
            list(self._candidates(wanted))
            lease = self.get(wanted)
            if lease is not None:
                raise in_use(wanted, lease)
        elif len({lease.ip for lease in self}) >= len(self._subnet.hosts):
            raise exhausted(self._subnet)

    def _candidates(self, wanted: str | None) -> Iterator[int]:
        if wanted:
            number = to_number(wanted)
            if number is None or number not in self._subnet:
                raise NetworkError(f"{wanted} is not an address of {self._subnet}")
            if number not in self._subnet.hosts:
                raise NetworkError(f"{wanted} is no container's address in {self._subnet}")
            yield number
            return
        hosts = self._subnet.hosts
        if not hosts:
            return
        last = self._last()
        start = last + 1 if last in hosts else hosts.start
        yield from range(start, hosts.stop)
        yield from range(hosts.start, start)

    def _last(self) -> int:
        try:
            with open(f"{self._directory}/last", encoding="ascii") as file:
                return int(file.read() or 0)
        except (OSError, ValueError):
            return 0

    def _remember(self, number: int) -> None:
        try:
            with open(f"{self._directory}/last", "w", encoding="ascii") as file:
                file.write(str(number))
        except OSError:
            return  # a full disk: the search begins elsewhere

    def _write(self, lease: Lease) -> bool:
        """Whether it is ours now."""
        path = f"{self._leases}/{lease.ip}"
        if os.path.exists(path):
            return False
        new = f"{self._leases}/.{os.getpid()}"
        try:
            os.makedirs(self._leases, 0o700, exist_ok=True)
            with open(new, "w", encoding="utf-8") as file:
                file.write(plain_json.dumps(dict(lease) | {"names": list(lease.names)}))
            try:
                os.link(new, path)
            except FileExistsError:
                return False
            finally:
                os.unlink(new)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{path} cannot be written: {reason}") from error
        return True


class locked:  # noqa: N801  # used as a function; contextlib would be one more import
    """One process at a time: ``with locked(directory):`` makes the directory and waits.

    Raises:
        StorageError: the disk refused.
    """

    def __init__(self, directory: str) -> None:
        self._path = f"{directory}/lock"

    def __enter__(self) -> None:
        try:
            os.makedirs(os.path.dirname(self._path), 0o700, exist_ok=True)
            self._lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{self._path} cannot be opened: {reason}") from error
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)


def to_number(text: str) -> int | None:
    """The number of an IPv4 address in the usual writing; None where it is none."""
    parts = text.split(".")
    if len(parts) != 4:
        return None
    number = 0
    for part in parts:
        if not (part.isascii() and part.isdigit()) or part != str(int(part)) or int(part) > 255:
            return None
        number = number << 8 | int(part)
    return number


def to_text(number: int) -> str:
    """The usual writing of an IPv4 address."""
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def in_use(ip: str, lease: Lease | None) -> NetworkError:
    """The error for an address that somebody has."""
    who = f" by container {lease.names[0] if lease.names else lease.container}" if lease else ""
    return NetworkError(f"the address {ip} is in use{who}", hint="choose another, or none")


def exhausted(subnet: Subnet) -> NetworkError:
    """The error for a network that has no address left."""
    return NetworkError(
        f"all {len(subnet.hosts)} addresses of {subnet} are in use",
        hint="remove containers, or make a larger network",
    )


def _read(path: str, ip: str) -> Lease | None:
    try:
        with open(path, encoding="utf-8") as file:
            document: dict[str, Any] = plain_json.loads(file.read())
        return Lease(
            ip=ip,
            container=str(document["container"]),
            names=tuple(map(str, document["names"])),
            hosts=str(document["hosts"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        # Not one of ours, or damaged: the address is in use by somebody, that much is certain.
        return Lease(ip=ip, container="", names=(), hosts="")

"""Who has which address of a network: a file for each, named after the address.

A network of both versions of the protocol has two such sets: ``leases`` and ``leases6``.

A file with its whole content appears by link(2), which fails where there is one: two processes
never get the same address, and a crash leaves either a lease or none.
"""

from __future__ import annotations

import fcntl
import os

from ocinb import plain_json
from ocinb.errors import NetworkError, StorageError
from ocinb.frozen import Frozen
from ocinb.network.subnets import Subnet, to_number, to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


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
        suffix = "6" if subnet.version == 6 else ""
        self._leases = f"{directory}/leases{suffix}"
        self._last_path = f"{directory}/last{suffix}"
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
            ip = to_text(number, self._subnet.version)
            lease = Lease(ip=ip, container=container, names=names, hosts=hosts)
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
            found = [(self._number(name), name) for name in os.listdir(self._leases)]
        except FileNotFoundError:
            return
        for _, name in sorted((number, name) for number, name in found if number is not None):
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
        elif len({lease.ip for lease in self}) >= _count(self._subnet):
            raise exhausted(self._subnet)

    def _candidates(self, wanted: str | None) -> Iterator[int]:
        if wanted:
            number = self._number(wanted)
            if number is None or number not in self._subnet:
                raise NetworkError(f"{wanted} is not an address of {self._subnet}")
            if number not in self._subnet.hosts:
                raise NetworkError(f"{wanted} is no container's address in {self._subnet}")
            yield number
            return
        hosts = self._subnet.hosts
        if not _count(self._subnet):
            return
        last = self._last()
        start = last + 1 if last in hosts else hosts.start
        yield from range(start, hosts.stop)
        yield from range(hosts.start, start)

    def _number(self, text: str) -> int | None:
        return to_number(text, self._subnet.version)

    def _last(self) -> int:
        try:
            with open(self._last_path, encoding="ascii") as file:
                return int(file.read() or 0)
        except (OSError, ValueError):
            return 0

    def _remember(self, number: int) -> None:
        try:
            with open(self._last_path, "w", encoding="ascii") as file:
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


def in_use(ip: str, lease: Lease | None) -> NetworkError:
    """The error for an address that somebody has."""
    who = f" by container {lease.names[0] if lease.names else lease.container}" if lease else ""
    return NetworkError(f"the address {ip} is in use{who}", hint="choose another, or none")


def exhausted(subnet: Subnet) -> NetworkError:
    """The error for a network that has no address left."""
    return NetworkError(
        f"all {_count(subnet)} addresses of {subnet} are in use",
        hint="remove containers, or make a larger network",
    )


def _count(subnet: Subnet) -> int:
    """How many containers a subnet has room for; a range of more than 2**63 has no length."""
    return max(subnet.hosts.stop - subnet.hosts.start, 0)


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

"""Ranges of addresses of either version of the Internet protocol, and addresses as numbers."""

from __future__ import annotations

import _socket

from ocinb.errors import NetworkError
from ocinb.frozen import Frozen

BITS = {4: 32, 6: 128}
"""Version → bits of an address."""
_EXAMPLES = {4: "10.87.1.0/24", 6: "fd00:87::/64"}


class Subnet(Frozen):
    """A range of addresses, as numbers.

    Attributes:
        base: its first address.
        prefix: bits that all its addresses share.
        version: of the protocol, 4 or 6.
    """

    base: int
    prefix: int
    version: int = 4

    @classmethod
    def parse(cls, text: str) -> Subnet:
        """The subnet of a text such as ``10.87.0.0/24`` or ``fd00::/64``.

        Raises:
            NetworkError: it is none, or has bits beyond its prefix.
        """
        address, _, bits = text.partition("/")
        version = version_of(address)
        number = to_number(address, version)
        digits = bits.isascii() and bits.isdigit() and len(bits) <= 3
        if number is None or not digits or int(bits) > BITS[version]:
            raise NetworkError(f"{text} is not a subnet", hint=f"one is like {_EXAMPLES[version]}")
        subnet = cls(base=number, prefix=int(bits), version=version)
        if number & (subnet.size - 1):
            clean = to_text(number & ~(subnet.size - 1), version)
            raise NetworkError(f"{text} is not a subnet", hint=f"did you mean {clean}/{bits}?")
        return subnet

    @property
    def size(self) -> int:
        """Addresses in all, those of the network and of everybody among them."""
        return 1 << (BITS[self.version] - self.prefix)

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
        if self.version != other.version:
            return False
        shift = BITS[self.version] - min(self.prefix, other.prefix)
        return self.base >> shift == other.base >> shift

    def __contains__(self, address: int) -> bool:
        return self.base <= address < self.base + self.size

    def __str__(self) -> str:
        return f"{to_text(self.base, self.version)}/{self.prefix}"


def subnet_of(ip: str, prefix: int) -> Subnet:
    """The range in which an address lies."""
    version = version_of(ip)
    number, size = to_number(ip, version) or 0, 1 << (BITS[version] - prefix)
    return Subnet(base=number & ~(size - 1), prefix=prefix, version=version)


def version_of(text: str) -> int:
    """The version of the protocol that an address in text must be of."""
    return 6 if ":" in text else 4


def family_of(ip: str) -> int:
    """The family of the sockets that reach an address."""
    return _socket.AF_INET6 if version_of(ip) == 6 else _socket.AF_INET


def to_number(text: str, version: int = 4) -> int | None:
    """The number of an address in the usual writing; None where it is none of that version."""
    return _to_number4(text) if version == 4 else _to_number6(text)


def _to_number4(text: str) -> int | None:
    parts = text.split(".")
    if len(parts) != 4:
        return None
    number = 0
    for part in parts:
        if not (part.isascii() and part.isdigit()) or part != str(int(part)) or int(part) > 255:
            return None
        number = number << 8 | int(part)
    return number


def _to_number6(text: str) -> int | None:
    try:
        return int.from_bytes(_socket.inet_pton(_socket.AF_INET6, text), "big")
    except (OSError, ValueError):
        return None


def to_text(number: int, version: int = 4) -> str:
    """The usual writing of an address."""
    if version == 6:
        return _socket.inet_ntop(_socket.AF_INET6, number.to_bytes(16, "big"))
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))

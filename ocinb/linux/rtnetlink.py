"""Links, addresses and routes of a network namespace. See rtnetlink(7).

Addresses are of version 4 or 6 of the Internet protocol, as their writing says.
"""

from __future__ import annotations

import _socket
import os
import struct

from ocinb.errors import SyscallError
from ocinb.frozen import Frozen
from ocinb.linux.netlink import (
    NETLINK_ROUTE,
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    Netlink,
    attribute,
    attributes,
    nested,
    number,
    text,
)

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER = 1, 3, 4, 10
_IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_GROUP, _IFLA_NET_NS_FD = 18, 20, 27, 28
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFA_F_NODAD = 0x02
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5

_IFF_UP = 1
_RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_UNIVERSE, _RTN_UNICAST = 254, 4, 0, 1

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_FAMILIES = {4: _socket.AF_INET, 6: _socket.AF_INET6}
_ENODEV = 19
_DOOMED = 0x6F000000


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Link(Frozen):
    """A network interface.

    Attributes:
        index: its number in its namespace.
        name: at most 15 characters.
        kind: ``bridge``, ``veth`` …; empty for hardware and loopback.
        alias: free text that somebody gave it.
        up: whether it is in use.
        master: index of the bridge that it is a port of; 0: none.
        address: of the hardware, as in ``02:00:00:00:00:01``.
    """

    index: int
    name: str
    kind: str
    alias: str
    up: bool
    master: int
    address: str


class Interfaces:
    """The interfaces of the network namespace in which this object was made.

    A context manager.

    Args:
        descriptor: of a netlink socket that was made in another namespace, which is then meant.

    Raises:
        SyscallError: from every method, where the kernel refuses.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._netlink = Netlink(NETLINK_ROUTE, descriptor)

    def __enter__(self) -> Interfaces:
        return self

    def __exit__(self, *_: object) -> None:
        self._netlink.close()

    def links(self) -> list[Link]:
        """All of them."""
        question = Message(_RTM_GETLINK, 0, _LINK.pack(0, 0, 0, 0, 0), shown=("RTM_GETLINK",))
        return [link(body) for kind, body in self._netlink.dump(question) if kind == _RTM_NEWLINK]

    def find(self, name: str) -> Link | None:
        """The link of that name."""
        return next((found for found in self.links() if found.name == name), None)

    def add_bridge(self, name: str, *, address: str) -> None:
        """Make a bridge, in use at once.

        Args:
            address: of the hardware; without one a bridge changes it with its ports.
        """
        self._new_link(
            name,
            _IFF_UP,
            attribute(_IFLA_ADDRESS, hardware(address)),
            nested(_IFLA_LINKINFO, attribute(_IFLA_INFO_KIND, "bridge")),
            shown=("bridge", address),
        )

    def add_veth(
        self, name: str, peer: str, *, namespace: int, master: int, address: str, alias: str
    ) -> None:
        """Make a pair of links: one here, in use as a port of a bridge, its peer elsewhere.

        Args:
            peer: the name of the other end.
            namespace: a descriptor of the network namespace of the other end.
            master: index of the bridge.
            address: of the other end's hardware.
        """
        other = (
            _LINK.pack(0, 0, 0, 0, 0)
            + attribute(_IFLA_IFNAME, peer)
            + attribute(_IFLA_ADDRESS, hardware(address))
            + attribute(_IFLA_NET_NS_FD, namespace)
        )
        self._new_link(
            name,
            _IFF_UP,
            attribute(_IFLA_MASTER, master),
            nested(
                _IFLA_LINKINFO,
                attribute(_IFLA_INFO_KIND, "veth"),
                nested(_IFLA_INFO_DATA, nested(_VETH_INFO_PEER, other)),
            ),
            shown=("veth", f"peer {peer} {address}", f"master {master}", alias),
        )
        self.set_alias(name, alias)

    def set_alias(self, name: str, alias: str) -> None:
        """Write down whose a link is. The kernel takes no alias with a link that is new."""
        self._change(name, 0, attribute(_IFLA_IFALIAS, alias.encode()[:255]), shown=(alias,))

    def set_up(self, name: str) -> None:
        """Take a link into use."""
        self._change(name, _IFF_UP, shown=("up",))

    def delete(self, name: str) -> bool:
        """Remove a link, a pair with its other end; False where there is none of that name."""
        body = _LINK.pack(0, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, name)
        return self._found(Message(_RTM_DELLINK, 0, body, shown=("RTM_DELLINK", name)))

    def delete_all(self, names: Iterable[str]) -> list[str]:
        """Remove several links at once; those that there were.

        Each removal waits for the packets in flight (20 to 40 ms); together they wait once.
        """
        there = {found.name for found in self.links()}
        chosen = [name for name in names if name in there]
        if len(chosen) == 1:
            self.delete(chosen[0])
        elif chosen:
            # A group of links that no other process uses.
            group = attribute(_IFLA_GROUP, _DOOMED | os.getpid() & 0xFFFFFF)
            # Each may go by itself meanwhile: one of a pair with the namespace of the other.
            for name in chosen:
                body = _LINK.pack(0, 0, 0, 0, 0) + attribute(_IFLA_IFNAME, name) + group
                self._found(Message(_RTM_NEWLINK, 0, body, shown=("RTM_NEWLINK", name, "group")))
            body = _LINK.pack(0, 0, 0, 0, 0) + group
            self._found(Message(_RTM_DELLINK, 0, body, shown=("RTM_DELLINK", *chosen)))
        return chosen

    def unplug(self, name: str) -> bool:
        """Take a link out of use and out of its bridge; False where there is none."""
        body = _LINK.pack(0, 0, 0, 0, _IFF_UP) + attribute(_IFLA_IFNAME, name)
        body += attribute(_IFLA_MASTER, 0)
        return self._found(Message(_RTM_NEWLINK, 0, body, shown=("RTM_NEWLINK", name, "down")))

    def addresses(self, version: int = 4) -> list[tuple[int, str, int]]:
        """Index of the link, address, and bits of its prefix."""
        body = _ADDRESS.pack(_FAMILIES[version], 0, 0, 0, 0)
        question = Message(_RTM_GETADDR, 0, body, shown=("RTM_GETADDR",))
        # A kernel without that version tells all that it has.
        found = [body for _, body in self._netlink.dump(question)]
        return [address(body) for body in found if body[0] == _FAMILIES[version]]

    def add_address(self, index: int, ip: str, prefix: int) -> None:
        """Give a link an address, which can be used at once.

        Who gives out addresses knows that nobody else has this one: it is not asked in the network
        (duplicate address detection), which would take a second.
        """
        family, packed = _packed(ip)
        flags = _IFA_F_NODAD if family == _socket.AF_INET6 else 0
        body = _ADDRESS.pack(family, prefix, flags, 0, index)
        body += attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)
        flags = NLM_F_CREATE | NLM_F_EXCL
        shown = ("RTM_NEWADDR", f"{ip}/{prefix}", f"link {index}")
        self._netlink.do(Message(_RTM_NEWADDR, flags, body, shown=shown))

    def routes(self, version: int = 4) -> list[tuple[str, int, int]]:
        """Destination, bits of its prefix, and index of the link, of the main table.

        The route for everything else is ``("0.0.0.0", 0, …)`` or ``("::", 0, …)``.
        """
        body = _ROUTE.pack(_FAMILIES[version], *[0] * 8)
        question = Message(_RTM_GETROUTE, 0, body, shown=("RTM_GETROUTE",))
        bodies = [body for _, body in self._netlink.dump(question)]
        found = (route(body) for body in bodies if body[0] == _FAMILIES[version])
        return [each for each in found if each is not None]

    def add_default_route(self, gateway: str) -> None:
        """Send what goes elsewhere to a gateway."""
        family, packed = _packed(gateway)
        body = _ROUTE.pack(
            family, 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_UNIVERSE, _RTN_UNICAST, 0
        ) + attribute(_RTA_GATEWAY, packed)
        flags = NLM_F_CREATE | NLM_F_EXCL
        shown = ("RTM_NEWROUTE", f"default via {gateway}")
        self._netlink.do(Message(_RTM_NEWROUTE, flags, body, shown=shown))

    def _new_link(self, name: str, up: int, *parts: bytes, shown: tuple[str, ...]) -> None:
        body = _LINK.pack(0, 0, 0, up, up) + attribute(_IFLA_IFNAME, name) + b"".join(parts)
        flags = NLM_F_CREATE | NLM_F_EXCL
        self._netlink.do(Message(_RTM_NEWLINK, flags, body, shown=("RTM_NEWLINK", name, *shown)))

    def _found(self, message: Message) -> bool:
        """Send a message about a link that may be gone; whether it was there."""
        try:
            self._netlink.do(message)
        except SyscallError as error:
            if error.errno == _ENODEV:
                return False
            raise
        return True

    def _change(self, name: str, up: int, *parts: bytes, shown: tuple[str, ...]) -> None:
        body = _LINK.pack(0, 0, 0, up, up) + attribute(_IFLA_IFNAME, name) + b"".join(parts)
        self._netlink.do(Message(_RTM_NEWLINK, 0, body, shown=("RTM_NEWLINK", name, *shown)))


def link(body: bytes) -> Link:
    """The link that a message tells of."""
    _, _, index, flags, _ = _LINK.unpack_from(body.ljust(_LINK.size, b"\0"))
    found = attributes(body[_LINK.size :])
    return Link(
        index=index,
        name=text(found.get(_IFLA_IFNAME, b"")),
        kind=text(attributes(found.get(_IFLA_LINKINFO, b"")).get(_IFLA_INFO_KIND, b"")),
        alias=text(found.get(_IFLA_IFALIAS, b"")),
        up=bool(flags & _IFF_UP),
        master=number(found.get(_IFLA_MASTER, b"")),
        address=found.get(_IFLA_ADDRESS, b"").hex(":"),
    )


def address(body: bytes) -> tuple[int, str, int]:
    """The address that a message tells of: link, address, bits of the prefix."""
    family, prefix, _, _, index = _ADDRESS.unpack_from(body.ljust(_ADDRESS.size, b"\0"))
    found = attributes(body[_ADDRESS.size :])
    packed = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS) or b""
    return index, _written(family, packed), prefix


def route(body: bytes) -> tuple[str, int, int] | None:
    """The route that a message tells of; None where it is in another table than the main one."""
    family, prefix, _, _, table, *_ = _ROUTE.unpack_from(body.ljust(_ROUTE.size, b"\0"))
    if table != _RT_TABLE_MAIN:
        return None
    found = attributes(body[_ROUTE.size :])
    return _written(family, found.get(_RTA_DST, b"")), prefix, number(found.get(_RTA_OIF, b""))


def _packed(ip: str) -> tuple[int, bytes]:
    """The family and the bytes of an address."""
    family = _socket.AF_INET6 if ":" in ip else _socket.AF_INET
    return family, _socket.inet_pton(family, ip)


def _written(family: int, packed: bytes) -> str:
    if family == _socket.AF_INET6:
        return _socket.inet_ntop(_socket.AF_INET6, packed[:16].ljust(16, b"\0"))
    return _socket.inet_ntoa(packed[:4].ljust(4, b"\0"))


def hardware(address: str) -> bytes:
    """The six bytes of an address as in ``02:00:00:00:00:01``."""
    return bytes.fromhex(address.replace(":", ""))

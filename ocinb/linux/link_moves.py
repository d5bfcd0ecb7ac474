"""Network interfaces that move to another network namespace, with their addresses.

See rtnetlink(7), and ``dev_change_net_namespace`` of the kernel: an interface keeps its hardware
address and MTU on the way; its addresses it loses, and it arrives out of use.
"""

from __future__ import annotations

import struct

from ocinb.frozen import Frozen
from ocinb.linux.netlink import (
    NETLINK_ROUTE,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    Message,
    Netlink,
    attribute,
    attributes,
    number,
    text,
)

_RTM_NEWLINK, _RTM_GETLINK, _RTM_NEWADDR, _RTM_GETADDR = 16, 18, 20, 22
_IFLA_IFNAME, _IFLA_NET_NS_FD = 3, 28
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_FLAGS, _IFA_RT_PRIORITY = 1, 2, 4, 8, 9
_KEPT = (_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_RT_PRIORITY)
_IFA_F_PERMANENT = 0x80
_IFA_F_OF_THE_MOMENT = 0x01 | 0x08 | 0x20 | 0x40  # secondary, dadfailed, deprecated, tentative
_SCOPE_UNIVERSE = 0
_IFF_UP, _IFF_LOOPBACK = 0x1, 0x8
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")


class Interface(Frozen):
    """A network interface.

    Attributes:
        index: its number in its namespace.
        name: its name there.
        up: it is in use.
        loopback: it belongs to its namespace for ever.
    """

    index: int
    name: str
    up: bool
    loopback: bool


class Links:
    """The interfaces of the network namespace in which this object was made; a context manager.

    Raises:
        SyscallError: from every method, where the kernel refuses.
    """

    def __init__(self) -> None:
        self._netlink = Netlink(NETLINK_ROUTE)

    def __enter__(self) -> Links:
        return self

    def __exit__(self, *_: object) -> None:
        self._netlink.close()

    def all(self) -> list[Interface]:
        """Every interface."""
        question = Message(_RTM_GETLINK, 0, _LINK.pack(0, 0, 0, 0, 0), shown=("RTM_GETLINK",))
        return [_interface(body) for kind, body in self._netlink.dump(question)
                if kind == _RTM_NEWLINK]  # fmt: skip

    def permanent_addresses(self, interface: Interface) -> list[bytes]:
        """The addresses, of any family, that somebody gave it for good, and that mean it to the
        whole world; as ``add_addresses`` takes them.
        """
        question = Message(_RTM_GETADDR, 0, _ADDRESS.pack(0, 0, 0, 0, 0), shown=("RTM_GETADDR",))
        found = []
        for kind, body in self._netlink.dump(question):
            _, _, short, scope, index = _ADDRESS.unpack_from(body.ljust(_ADDRESS.size, b"\0"))
            flags = attributes(body[_ADDRESS.size :]).get(_IFA_FLAGS, bytes([short]))
            permanent = number(flags) & _IFA_F_PERMANENT
            if kind == _RTM_NEWADDR and index == interface.index and permanent and not scope:
                found.append(body)
        return found

    def send(self, interface: Interface, name: str, namespace: int, there: Links) -> Interface:
        """Move an interface to another namespace; returns it as it is there.

        Args:
            interface: of this namespace.
            name: that it shall have there; ``%d`` in it is the kernel's to fill in.
            namespace: a descriptor of the other one.
            there: its interfaces.
        """
        before = {other.index for other in there.all()}
        body = _LINK.pack(0, 0, interface.index, 0, 0) + attribute(_IFLA_NET_NS_FD, namespace)
        body += attribute(_IFLA_IFNAME, name)
        shown = ("RTM_NEWLINK", interface.name, f"to another namespace as {name}")
        self._netlink.do(Message(_RTM_NEWLINK, 0, body, shown=shown))
        return next(arrived for arrived in there.all() if arrived.index not in before)

    def add_addresses(self, interface: Interface, addresses: list[bytes]) -> None:
        """Give an interface the addresses that it had elsewhere."""
        for address in addresses:
            family, prefix, short, _, _ = _ADDRESS.unpack_from(address)
            had = attributes(address[_ADDRESS.size :])
            flags = number(had.get(_IFA_FLAGS, bytes([short]))) & ~_IFA_F_OF_THE_MOMENT
            body = _ADDRESS.pack(family, prefix, 0, _SCOPE_UNIVERSE, interface.index)
            body += b"".join(attribute(kind, had[kind]) for kind in _KEPT if kind in had)
            body += attribute(_IFA_FLAGS, flags)
            shown = ("RTM_NEWADDR", interface.name, had.get(_IFA_ADDRESS, b"").hex())
            message = Message(_RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, body, shown=shown)
            self._netlink.do(message)

    def set_up(self, interface: Interface) -> None:
        """Take an interface into use."""
        body = _LINK.pack(0, 0, interface.index, _IFF_UP, _IFF_UP)
        self._netlink.do(
            Message(_RTM_NEWLINK, 0, body, shown=("RTM_NEWLINK", interface.name, "up"))
        )


def _interface(body: bytes) -> Interface:
    _, _, index, flags, _ = _LINK.unpack_from(body.ljust(_LINK.size, b"\0"))
    name = text(attributes(body[_LINK.size :]).get(_IFLA_IFNAME, b""))
    up, loopback = bool(flags & _IFF_UP), bool(flags & _IFF_LOOPBACK)
    return Interface(index=index, name=name, up=up, loopback=loopback)

"""Packet filters of a network namespace: tables of nf_tables, each made and removed as a whole.

A table is named after the thing that it belongs to, so that undoing is one request, and
``nft list table ip NAME`` shows a person everything that was done for that thing. Only the
expressions that a container's network needs are known here, as the program ``nft`` would write
them; it need not be installed.
"""

from __future__ import annotations

import _socket
import struct
import sys

from ocinb.errors import SyscallError
from ocinb.linux.netlink import (
    NETLINK_NETFILTER,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_EXCL,
    Message,
    Netlink,
    attribute,
    attributes,
    nested,
    text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Rule = Sequence[bytes]

TCP, UDP = 6, 17

_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NFTABLES = 10 << 8
_NEWTABLE, _GETTABLE, _DELTABLE, _NEWCHAIN, _GETCHAIN, _NEWRULE = 0, 1, 2, 3, 4, 6
_TABLE_NAME, _TABLE_USERDATA = 1, 6
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 1, 3, 4, 5, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS = 1, 2, 4
_LIST_ELEMENT, _EXPRESSION_NAME, _EXPRESSION_DATA = 1, 1, 2
_DATA_VALUE, _DATA_VERDICT, _VERDICT_CODE = 1, 2, 1
_COMMENT = 0

_REGISTER, _SECOND_REGISTER, _VERDICT_REGISTER = 1, 2, 0
_EQUAL, _NOT_EQUAL = 0, 1
_NETWORK_HEADER, _TRANSPORT_HEADER = 1, 2
_META_IIFNAME, _META_OIFNAME, _META_L4PROTO = 6, 7, 16
_CT_STATE, _CT_STATUS = 0, 2
_ESTABLISHED_OR_RELATED, _DNATED = 0x6, 0x20
_FIB_ADDRTYPE, _FIB_DADDR, _LOCAL = 3, 2, 2
_NAT_DNAT = 1
_DROP, _ACCEPT = 0, 1
_ENOENT = 2
_FAMILIES = {4: _socket.AF_INET, 6: _socket.AF_INET6}
_SOURCE = {4: (12, 4), 6: (8, 16)}
"""Version → where in the header the source's address lies, and how long it is."""
_DESTINATION = {4: (16, 4), 6: (24, 16)}
_BYTE_ORDER = sys.byteorder

HOOKS = {"prerouting": 0, "forward": 2, "postrouting": 4}
PRIORITIES = {"dstnat": -100, "filter": 0, "srcnat": 100}


class Chain:
    """A chain that packets pass at a hook, accepting what no rule of it decides.

    Args:
        kind: ``nat`` or ``filter``.
        hook: a key of ``HOOKS``; also the chain's name.
        priority: a key of ``PRIORITIES``.
        rules: in their order, each the expressions of a rule in theirs.
    """

    __slots__ = ("hook", "kind", "priority", "rules")

    def __init__(self, kind: str, hook: str, priority: str, rules: Sequence[Rule]) -> None:
        self.kind = kind
        self.hook = hook
        self.priority = priority
        self.rules = rules


class Tables:
    """The tables of the network namespace in which this object was made, for one version.

    A context manager.

    Args:
        version: of the Internet protocol.

    Raises:
        SyscallError: from every method, where the kernel refuses or has no nf_tables.
    """

    def __init__(self, version: int = 4) -> None:
        self._netlink = Netlink(NETLINK_NETFILTER)
        self._family = bytes([_FAMILIES[version], 0, 0, 0])

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self._netlink.close()

    def names(self) -> list[str]:
        """Those that there are, whoever made them."""
        question = Message(_NFTABLES | _GETTABLE, 0, self._family, shown=("NFT_MSG_GETTABLE",))
        found = self._netlink.dump(question)
        return [text(attributes(body[4:]).get(_TABLE_NAME, b"")) for _, body in found]

    def dropping(self, hook: str) -> list[str]:
        """Chains of anybody that drop at a hook what no rule of theirs accepts.

        Args:
            hook: a key of ``HOOKS``.

        Returns:
            Table and chain, as in ``filter FORWARD``.
        """
        question = Message(_NFTABLES | _GETCHAIN, 0, self._family, shown=("NFT_MSG_GETCHAIN",))
        found = (attributes(body[4:]) for _, body in self._netlink.dump(question))
        return [
            f"{text(chain[_CHAIN_TABLE])} {text(chain[_CHAIN_NAME])}"
            for chain in found
            if chain.get(_CHAIN_POLICY) == _word(_DROP)
            and attributes(chain.get(_CHAIN_HOOK, b"")).get(_HOOK_NUMBER) == _word(HOOKS[hook])
        ]

    def add(self, name: str, chains: Sequence[Chain], *, comment: str) -> None:
        """Make a table with all that is in it, or nothing.

        Args:
            comment: whose it is; ``nft list`` shows it.
        """
        shown = (name, comment)
        flags = NLM_F_CREATE | NLM_F_EXCL
        messages = [
            self._message(_NEWTABLE, flags, _table(name, comment), ("NFT_MSG_NEWTABLE", *shown))
        ]
        for chain in chains:
            messages.append(
                self._message(
                    _NEWCHAIN, NLM_F_CREATE, _chain(name, chain), ("NFT_MSG_NEWCHAIN", *shown)
                )
            )
            for rule in chain.rules:
                body = (
                    attribute(_RULE_TABLE, name)
                    + attribute(_RULE_CHAIN, chain.hook)
                    + nested(_RULE_EXPRESSIONS, *rule)
                )
                messages.append(
                    self._message(
                        _NEWRULE, NLM_F_CREATE | NLM_F_APPEND, body, ("NFT_MSG_NEWRULE", *shown)
                    )
                )
        self._batch(messages)

    def delete(self, name: str) -> bool:
        """Remove a table with all that is in it; False where there is none of that name."""
        body = attribute(_TABLE_NAME, name)
        try:
            self._batch([self._message(_DELTABLE, 0, body, ("NFT_MSG_DELTABLE", name))])
        except SyscallError as error:
            if error.errno == _ENOENT:
                return False
            raise
        return True

    def _message(self, kind: int, flags: int, body: bytes, shown: tuple[str, ...]) -> Message:
        return Message(_NFTABLES | kind, flags, self._family + body, shown=shown)

    def _batch(self, messages: list[Message]) -> None:
        subsystem = struct.pack(">BBH", 0, 0, 10)
        begin, end = Message(_BATCH_BEGIN, 0, subsystem), Message(_BATCH_END, 0, subsystem)
        begin.shown = messages[0].shown
        self._netlink.do_all(messages, first=begin, last=end)


# expressions, each in the words of nft


def from_interface(name: str, *, negated: bool = False) -> list[bytes]:
    """``iifname NAME``, or ``iifname != NAME``."""
    return [_meta(_META_IIFNAME), _compare(_name(name), negated)]


def to_interface(name: str, *, negated: bool = False) -> list[bytes]:
    """``oifname NAME``, or ``oifname != NAME``."""
    return [_meta(_META_OIFNAME), _compare(_name(name), negated)]


def source_in(subnet: str, prefix: int) -> list[bytes]:
    """``ip saddr SUBNET``, or ``ip6 saddr SUBNET``."""
    place = _SOURCE[_version(subnet)]
    return [_payload(_NETWORK_HEADER, *place), *_in_subnet(subnet, prefix, negated=False)]


def destination_in(subnet: str, prefix: int, *, negated: bool = False) -> list[bytes]:
    """``ip daddr SUBNET``, or ``ip daddr != SUBNET``; likewise ``ip6``."""
    place = _DESTINATION[_version(subnet)]
    return [_payload(_NETWORK_HEADER, *place), *_in_subnet(subnet, prefix, negated=negated)]


def destination_is_local() -> list[bytes]:
    """``fib daddr type local``: an address of this machine."""
    fib = _expression(
        "fib",
        attribute(1, _word(_REGISTER)),
        attribute(2, _word(_FIB_ADDRTYPE)),
        attribute(3, _word(_FIB_DADDR)),
    )
    return [fib, _compare(_LOCAL.to_bytes(4, _BYTE_ORDER), False)]


def port_is(protocol: int, port: int) -> list[bytes]:
    """``tcp dport PORT``, or ``udp dport PORT``."""
    return [
        _meta(_META_L4PROTO),
        _compare(bytes([protocol]), False),
        _payload(_TRANSPORT_HEADER, 2, 2),
        _compare(port.to_bytes(2, "big"), False),
    ]


def belongs_to_a_connection() -> list[bytes]:
    """``ct state established,related``."""
    return _connection(_CT_STATE, _ESTABLISHED_OR_RELATED)


def was_sent_elsewhere() -> list[bytes]:
    """``ct status dnat``: its destination was changed by a rule like ours."""
    return _connection(_CT_STATUS, _DNATED)


def masquerade() -> list[bytes]:
    """``masquerade``: let it come from this machine."""
    return [_expression("masq")]


def send_to(ip: str, port: int) -> list[bytes]:
    """``dnat to IP:PORT``."""
    family = _FAMILIES[_version(ip)]
    return [
        _immediate(_REGISTER, _socket.inet_pton(family, ip)),
        _immediate(_SECOND_REGISTER, port.to_bytes(2, "big")),
        _expression(
            "nat",
            attribute(1, _word(_NAT_DNAT)),
            attribute(2, _word(family)),
            attribute(3, _word(_REGISTER)),
            attribute(5, _word(_SECOND_REGISTER)),
        ),
    ]


def accept() -> list[bytes]:
    """``accept``."""
    return [_verdict(_ACCEPT)]


def drop() -> list[bytes]:
    """``drop``."""
    return [_verdict(_DROP)]


def _connection(key: int, mask: int) -> list[bytes]:
    ct = _expression("ct", attribute(2, _word(key)), attribute(1, _word(_REGISTER)))
    bits = mask.to_bytes(4, _BYTE_ORDER)
    return [ct, _bitwise(bits), _compare(bytes(4), True)]


def _in_subnet(subnet: str, prefix: int, *, negated: bool) -> list[bytes]:
    address = _socket.inet_pton(_FAMILIES[_version(subnet)], subnet)
    bits = 8 * len(address)
    mask = ((1 << bits) - (1 << (bits - prefix))).to_bytes(len(address), "big")
    network = bytes(a & m for a, m in zip(address, mask, strict=True))
    return [_bitwise(mask), _compare(network, negated)]


def _version(address: str) -> int:
    return 6 if ":" in address else 4


def _meta(key: int) -> bytes:
    return _expression("meta", attribute(2, _word(key)), attribute(1, _word(_REGISTER)))


def _payload(base: int, offset: int, length: int) -> bytes:
    numbers = (_REGISTER, base, offset, length)
    return _expression("payload", *(attribute(n + 1, _word(v)) for n, v in enumerate(numbers)))


def _bitwise(mask: bytes) -> bytes:
    return _expression(
        "bitwise",
        attribute(1, _word(_REGISTER)),
        attribute(2, _word(_REGISTER)),
        attribute(3, _word(len(mask))),
        nested(4, attribute(_DATA_VALUE, mask)),
        nested(5, attribute(_DATA_VALUE, bytes(len(mask)))),
    )


def _compare(value: bytes, negated: bool) -> bytes:
    return _expression(
        "cmp",
        attribute(1, _word(_REGISTER)),
        attribute(2, _word(_NOT_EQUAL if negated else _EQUAL)),
        nested(3, attribute(_DATA_VALUE, value)),
    )


def _immediate(register: int, value: bytes) -> bytes:
    data = nested(2, attribute(_DATA_VALUE, value))
    return _expression("immediate", attribute(1, _word(register)), data)


def _verdict(code: int) -> bytes:
    verdict = nested(_DATA_VERDICT, attribute(_VERDICT_CODE, _word(code)))
    return _expression("immediate", attribute(1, _word(_VERDICT_REGISTER)), nested(2, verdict))


def _expression(name: str, *data: bytes) -> bytes:
    return nested(_LIST_ELEMENT, attribute(_EXPRESSION_NAME, name), nested(_EXPRESSION_DATA, *data))


def _table(name: str, comment: str) -> bytes:
    # User data is nft's own: type, length, value; type 0 of a table is its comment.
    said = comment.encode()[:127] + b"\0"
    return attribute(_TABLE_NAME, name) + attribute(
        _TABLE_USERDATA, bytes([_COMMENT, len(said)]) + said
    )


def _chain(table: str, chain: Chain) -> bytes:
    priority = struct.pack(">i", PRIORITIES[chain.priority])
    return (
        attribute(_CHAIN_TABLE, table)
        + attribute(_CHAIN_NAME, chain.hook)
        + attribute(_CHAIN_TYPE, chain.kind)
        + attribute(_CHAIN_POLICY, _word(_ACCEPT))
        + nested(
            _CHAIN_HOOK,
            attribute(_HOOK_NUMBER, _word(HOOKS[chain.hook])),
            attribute(_HOOK_PRIORITY, priority),
        )
    )


def _word(value: int) -> bytes:
    """nf_tables wants its numbers in the order of the network."""
    return value.to_bytes(4, "big")


def _name(interface: str) -> bytes:
    return interface.encode()[:15].ljust(16, b"\0")

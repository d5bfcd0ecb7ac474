"""Netlink: messages to the kernel about its network, and its answers. See netlink(7).

A message is a header, a fixed part that depends on its type, and attributes: type, length, value,
padded to four bytes; the value of an attribute may be attributes again. ``rtnetlink.py`` and
``nftables.py`` know the messages of links, addresses, routes and packet filters. pyroute2 knows
all of them, but its import alone takes longer than ours need from first to last (0.2 s).
"""

from __future__ import annotations

import _socket  # ``socket`` imports enum and selectors: 8 ms of a hook's start
import struct
import sys

from ocinb.errors import SyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
_NLM_F_CAPPED, _NLM_F_ACK_TLVS, _NLM_F_DUMP_INTR = 0x100, 0x200, 0x10

_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLA_F_NESTED, _NLA_TYPE_MASK = 0x8000, 0x3FFF
_NLMSGERR_ATTR_MSG = 1
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK = 270, 10, 11

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERRNO = struct.Struct("=i")
_LARGEST_ANSWER = 1 << 18
_EBADMSG, _EINTR = 74, 4
_MOST_TRIES = 10
_ORDER = sys.byteorder


class Message:
    """A request to the kernel.

    Args:
        kind: its type, as in ``RTM_NEWLINK``.
        flags: ``NLM_F_…`` beyond REQUEST and ACK.
        body: the fixed part and the attributes.
        shown: the call in words for errors: name and arguments.
    """

    __slots__ = ("body", "flags", "kind", "shown")

    def __init__(
        self, kind: int, flags: int = 0, body: bytes = b"", *, shown: tuple[str, ...] = ()
    ) -> None:
        self.kind = kind
        self.flags = flags
        self.body = body
        self.shown = shown

    def pack(self, sequence: int, flags: int) -> bytes:
        """The bytes that go to the kernel."""
        length = _HEADER.size + len(self.body)
        return _HEADER.pack(length, self.kind, self.flags | flags, sequence, 0) + _pad(self.body)


class Netlink:
    """A conversation with the kernel about the network namespace in which it was begun.

    A context manager. It goes on about that namespace wherever the process goes afterwards.

    Args:
        protocol: ``NETLINK_ROUTE`` or ``NETLINK_NETFILTER``.
        descriptor: of such a socket, made elsewhere; None: one is made.

    Raises:
        SyscallError: the kernel does not know that protocol, or refuses.
    """

    def __init__(self, protocol: int, descriptor: int | None = None) -> None:
        try:
            self._socket = _socket.socket(
                _socket.AF_NETLINK,
                _socket.SOCK_RAW | _socket.SOCK_CLOEXEC,
                protocol,
                fileno=descriptor,
            )
        except OSError as error:
            raise SyscallError("socket", ("AF_NETLINK", protocol), error.errno or 0) from None
        self._sequence = 0
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK):
            try:
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
            except OSError:
                continue  # an old kernel gives reasons without words

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the conversation."""
        self._socket.close()

    def do(self, message: Message) -> None:
        """Have one request carried out.

        Raises:
            SyscallError: with the kernel's own words as the hint, where it has any.
        """
        self._send([message.pack(self._next(), NLM_F_REQUEST | NLM_F_ACK)])
        for kind, flags, _, body in self._receive():
            if kind == _NLMSG_ERROR:
                _check(message, flags, body)
                return

    def do_all(self, messages: Iterable[Message], *, first: Message, last: Message) -> None:
        """Have several requests carried out together: all of them or none.

        Args:
            first: what begins a batch; not acknowledged.
            last: what ends it.

        Raises:
            SyscallError: for the first of them that was refused.
        """
        sent = {}
        packed = [first.pack(self._next(), NLM_F_REQUEST)]
        for message in messages:
            sent[self._next()] = message
            packed.append(message.pack(self._sequence, NLM_F_REQUEST | NLM_F_ACK))
        packed.append(last.pack(self._next(), NLM_F_REQUEST))
        self._send(packed)
        while sent:
            for kind, flags, sequence, body in self._receive():
                if kind == _NLMSG_ERROR:
                    # A refusal of the batch as a whole bears the number of its first message.
                    _check(sent.pop(sequence, first), flags, body)

    def dump(self, message: Message) -> list[tuple[int, bytes]]:
        """Everything that the kernel has to say to a question: types and bodies.

        Raises:
            SyscallError.
        """
        for _ in range(_MOST_TRIES):
            found, whole = self._dump_once(message)
            if whole:
                return found
        raise SyscallError("netlink", message.shown, _EINTR, hint="it changed all the time")

    def _dump_once(self, message: Message) -> tuple[list[tuple[int, bytes]], bool]:
        self._send([message.pack(self._next(), NLM_F_REQUEST | NLM_F_DUMP)])
        found: list[tuple[int, bytes]] = []
        whole = True
        while True:
            for kind, flags, _, body in self._receive():
                whole = whole and not flags & _NLM_F_DUMP_INTR
                if kind == _NLMSG_DONE:
                    return found, whole
                if kind == _NLMSG_ERROR:
                    _check(message, flags, body)
                else:
                    found.append((kind, body))

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _send(self, packed: list[bytes]) -> None:
        try:
            self._socket.sendto(b"".join(packed), (0, 0))
        except OSError as error:
            raise SyscallError("sendto", ("netlink",), error.errno or 0) from None

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        try:
            data = self._socket.recv(_LARGEST_ANSWER)
        except OSError as error:
            raise SyscallError("recv", ("netlink",), error.errno or 0) from None
        return unpack(data)


def unpack(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The messages of one datagram: type, flags, sequence number, body.

    Raises:
        SyscallError: EBADMSG: a length that leads beyond the end.
    """
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            raise SyscallError("recv", ("netlink",), _EBADMSG)
        yield kind, flags, sequence, data[at + _HEADER.size : at + length]
        at += _aligned(length)


def attribute(kind: int, value: bytes | int | str) -> bytes:
    """An attribute. A number is 32 bits wide in the machine's order; text ends in a null byte."""
    if isinstance(value, int):
        value = value.to_bytes(4, _ORDER)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    return _pad(_ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NLA_F_NESTED, b"".join(attributes))


def attributes(data: bytes) -> dict[int, bytes]:
    """Type → value; of a type that is there twice, the last.

    Raises:
        SyscallError: EBADMSG: a length that leads beyond the end.
    """
    found, at = {}, 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if not _ATTRIBUTE.size <= length <= len(data) - at:
            raise SyscallError("recv", ("netlink",), _EBADMSG)
        found[kind & _NLA_TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    return found


def text(value: bytes) -> str:
    """The text of an attribute."""
    return value.rstrip(b"\0").decode(errors="replace")


def number(value: bytes) -> int:
    """The number of an attribute, in the machine's order."""
    return int.from_bytes(value, _ORDER)


def _check(message: Message, flags: int, body: bytes) -> None:
    """Raise where an acknowledgement is a refusal."""
    if len(body) < _ERRNO.size:
        raise SyscallError("recv", ("netlink",), _EBADMSG)
    errno = -_ERRNO.unpack_from(body)[0]
    if errno:
        call, *arguments = message.shown or (f"netlink {message.kind}",)
        raise SyscallError(call, arguments, errno, hint=_words(flags, body))


def _words(flags: int, body: bytes) -> str | None:
    """What the kernel says besides the errno."""
    if not flags & _NLM_F_ACK_TLVS:
        return None
    # The header of the request comes back; its body too, unless the kernel capped it.
    start = _ERRNO.size + _HEADER.size
    if not flags & _NLM_F_CAPPED and len(body) >= start:
        start = _ERRNO.size + _aligned(_HEADER.unpack_from(body, _ERRNO.size)[0])
    said = attributes(body[start:]).get(_NLMSGERR_ATTR_MSG)
    return f"the kernel says: {text(said)}" if said else None


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _pad(data: bytes) -> bytes:
    return data.ljust(_aligned(len(data)), b"\0")

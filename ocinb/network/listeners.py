"""The sockets of this machine on which published ports are taken.

They are opened before anything else is made: a port that is in use is found out then, and as
long as the container lives nobody else can take it.
"""

from __future__ import annotations

import _socket
import errno
import os

from ocinb.errors import NetworkError
from ocinb.network.ports import PublishedPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BACKLOG = 512
NO_IPV6 = "the kernel of this machine has no IPv6"
KINDS = {"tcp": _socket.SOCK_STREAM, "udp": _socket.SOCK_DGRAM}


def listen(
    ports: Sequence[PublishedPort],
) -> tuple[list[_socket.socket], list[PublishedPort]]:
    """Take ports of this machine.

    Returns:
        A socket for each, in their order, and the ports with the numbers that those without one
        have now.

    Raises:
        NetworkError: one is in use, or not to be had; none is taken then.
    """
    sockets: list[_socket.socket] = []
    numbered: list[PublishedPort] = []
    try:
        for port in ports:
            opened = _open(port)
            sockets.append(opened)
            number = opened.getsockname()[1]
            numbered.append(PublishedPort(**{**dict(port), "host_port": number}))
    except BaseException:
        close(sockets)
        raise
    return sockets, numbered


def close(sockets: Sequence[_socket.socket]) -> None:
    """Let the ports go."""
    for each in sockets:
        each.close()


def _open(port: PublishedPort) -> _socket.socket:
    family = _socket.AF_INET6 if port.version == 6 else _socket.AF_INET
    try:
        opened = _socket.socket(family, KINDS[port.protocol] | _socket.SOCK_CLOEXEC)
    except OSError as error:
        raise _refused(port, error) from None
    try:
        if family == _socket.AF_INET6:
            opened.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 1)
        if port.protocol == "tcp":
            # Of connections that ended a moment ago only; two sockets cannot listen.
            opened.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        opened.bind((port.host_ip, port.host_port))
        if port.protocol == "tcp":
            opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise _refused(port, error) from None
    return opened


def _refused(port: PublishedPort, error: OSError) -> NetworkError:
    where = f"port {port.host_port}/{port.protocol} on {port.host_ip}"
    if error.errno == errno.EAFNOSUPPORT:
        return NetworkError(f"{where} cannot be had: {NO_IPV6}")
    if error.errno == errno.EADDRINUSE:
        return NetworkError(f"{where} is in use", hint="stop who uses it, or publish another port")
    if error.errno == errno.EADDRNOTAVAIL:
        return NetworkError(f"{port.host_ip} is not an address of this machine")
    if error.errno == errno.EACCES:
        return NetworkError(f"{where} is not for ordinary users", hint="choose one above 1023")
    return NetworkError(f"{where} cannot be had: {os.strerror(error.errno or 0).lower()}")

"""Datagrams to a published UDP port, handed on to the container, and the answers to them."""

from __future__ import annotations

import _socket
import time

from ocinb.network.listeners import KINDS
from ocinb.network.subnets import family_of
from ocinb.network.watching import READABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.network.watching import Watching

IDLE = 60.0
"""Seconds after which nobody expects an answer any more."""
_CHUNK = 1 << 16
_MOST_CLIENTS = 1024
"""At a time."""


class Datagrams:
    """A UDP port: each client has a socket of its own, so that answers find their way.

    Args:
        watching: what watches the descriptors.
        listening: the port's socket.
        address: where the port leads.
    """

    def __init__(
        self, watching: Watching, listening: _socket.socket, address: tuple[str, int]
    ) -> None:
        self._watching = watching
        self._listening = listening
        self._address = address
        self._family = family_of(address[0])
        self._clients: dict[tuple[str, int], tuple[_socket.socket, float]] = {}

    def from_client(self, _events: int) -> None:
        """Hand on one datagram."""
        try:
            data, client = self._listening.recvfrom(_CHUNK)
            server = self._server_for(client)
            if server is not None:
                server.send(data)
        except OSError:
            return  # a datagram may be lost

    def forget_idle(self) -> None:
        """Close the sockets of clients from which nothing came for ``IDLE`` seconds."""
        before = time.monotonic() - IDLE
        for client, (server, used) in list(self._clients.items()):
            if used < before:
                self._drop(client, server)

    def _server_for(self, client: tuple[str, int]) -> _socket.socket | None:
        known = self._clients.get(client)
        if known is not None:
            server = known[0]
        else:
            if len(self._clients) >= _MOST_CLIENTS:
                return None
            server = _socket.socket(self._family, KINDS["udp"] | _socket.SOCK_CLOEXEC)
            server.setblocking(False)
            server.connect(self._address)
            self._watching.watch(server.fileno(), READABLE, lambda _: self._answer(client, server))
        self._clients[client] = (server, time.monotonic())
        return server

    def _answer(self, client: tuple[str, int], server: _socket.socket) -> None:
        try:
            self._listening.sendto(server.recv(_CHUNK), client)
        except BlockingIOError:
            return
        except OSError:
            self._drop(client, server)  # nobody listens there

    def _drop(self, client: tuple[str, int], server: _socket.socket) -> None:
        self._clients.pop(client, None)
        self._watching.forget(server.fileno())
        server.close()

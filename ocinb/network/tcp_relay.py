"""Connections to a published TCP port, handed on to the container."""

from __future__ import annotations

import _socket
import time

from ocinb.network.listeners import KINDS
from ocinb.network.subnets import family_of
from ocinb.network.watching import GONE, READABLE, WRITABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.network.watching import Handler, Watching

_CHUNK = 1 << 16
_MOST_WAITING = 1 << 20
"""Bytes that wait for a reader before no more are read for it."""


class Connections:
    """A port whose connections are handed on.

    Args:
        watching: what watches the descriptors.
        listening: a socket that listens.
        address: where the port leads.
    """

    def __init__(
        self, watching: Watching, listening: _socket.socket, address: tuple[str, int]
    ) -> None:
        self._watching = watching
        self._listening = listening
        self._address = address
        self._family = family_of(address[0])

    def accept(self, _events: int) -> None:
        """Hand on one more connection."""
        try:
            descriptor, _ = self._listening._accept()  # type: ignore[attr-defined]
        except OSError:
            time.sleep(0.01)  # out of descriptors: the connection waits until one is free
            return
        client = _socket.socket(fileno=descriptor)
        client.setblocking(False)
        server = _socket.socket(self._family, KINDS["tcp"] | _socket.SOCK_CLOEXEC)
        server.setblocking(False)
        if server.connect_ex(self._address) not in (0, 115):
            client.close()
            server.close()
            return
        _Connection(self._watching, client, server)


class _Connection:
    """Two sockets; what one says the other hears, until both have said all."""

    def __init__(self, watching: Watching, client: _socket.socket, server: _socket.socket) -> None:
        self._watching = watching
        self._ways = (_Way(client, server), _Way(server, client))
        for end in (client, server):
            end.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            watching.watch(end.fileno(), 0, self._handler(end))
        self._settle()

    def _handler(self, end: _socket.socket) -> Handler:
        def handle(events: int) -> None:
            try:
                for way in self._ways:
                    if way.source is end and events & READABLE:
                        way.read()
                    if way.sink is end and events & WRITABLE:
                        way.write()
                    if way.source is end and events & GONE:
                        way.read_rest()
            except OSError:
                self._close()
                return
            if events & GONE:
                self._watching.forget(end.fileno())  # it would be told again and again
            if all(way.finished for way in self._ways):
                self._close()
            else:
                self._settle()

        return handle

    def _settle(self) -> None:
        """Ask for the events that we can do something with."""
        for end in (self._ways[0].source, self._ways[0].sink):
            events = 0
            for way in self._ways:
                if way.source is end and way.wants_more:
                    events |= READABLE
                if way.sink is end and way.has_something:
                    events |= WRITABLE
            self._watching.change(end.fileno(), events)

    def _close(self) -> None:
        for end in (self._ways[0].source, self._ways[0].sink):
            self._watching.forget(end.fileno())
            end.close()


class _Way:
    """One direction of a connection."""

    def __init__(self, source: _socket.socket, sink: _socket.socket) -> None:
        self.source = source
        self.sink = sink
        self._waiting = bytearray()
        self._ended = False
        self.finished = False

    @property
    def wants_more(self) -> bool:
        return not self._ended and len(self._waiting) < _MOST_WAITING

    @property
    def has_something(self) -> bool:
        """Also until the sink is known to be connected, which shows by its being writable."""
        return bool(self._waiting) or (self._ended and not self.finished)

    def read(self) -> None:
        if not self.wants_more:
            return
        try:
            data = self.source.recv(_CHUNK)
        except BlockingIOError:
            return
        if data:
            self._waiting += data
            self.write()
        else:
            self._ended = True
            self.write()

    def read_rest(self) -> None:
        """What is left of a source that is closed on both sides."""
        while not self._ended:
            try:
                data = self.source.recv(_CHUNK)
            except BlockingIOError:
                break
            self._waiting += data
            self._ended = not data
        self.write()

    def write(self) -> None:
        if self._waiting:
            try:
                sent = self.sink.send(self._waiting)
            except BlockingIOError:
                return
            del self._waiting[:sent]
        if self._ended and not self._waiting and not self.finished:
            try:
                self.sink.shutdown(_socket.SHUT_WR)
            except OSError as error:
                if error.errno != 107:
                    raise
                return  # not connected yet
            self.finished = True

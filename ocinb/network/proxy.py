"""The process that hands on connections from published ports to a container.

It is forked by the ``createRuntime`` hook, so it needs no start of its own, and ends when the
container's first process does, or when the ``poststop`` hook ends it. One thread, one epoll.
"""

from __future__ import annotations

import _socket
import os
import select
import time

from ocinb.network.listeners import KINDS
from ocinb.network.ports import PublishedPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Handler = Callable[[int], None]

_CHUNK = 1 << 16
_MOST_WAITING = 1 << 20
"""Bytes that wait for a reader before no more are read for it."""
_IDLE = 60.0
"""Seconds after which nobody expects an answer by UDP any more."""
_MOST_CLIENTS = 1024
"""Of a UDP port at a time."""
_IN, _OUT, _GONE = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR | select.EPOLLHUP


def spawn(
    sockets: Sequence[_socket.socket],
    ports: Sequence[PublishedPort],
    target: str,
    pid: int,
    enter: Callable[[], None] | None = None,
    keep: Iterable[int] = (),
) -> tuple[int, int]:
    """Fork the process; its number, and a descriptor that it waits for.

    It begins when something is written there, and ends when that is closed before: so whoever
    forked it can first write down that it is there. The sockets stay open in the caller.

    Args:
        sockets: as ``listen`` opened them for the ports.
        target: the container's address.
        pid: of the container's first process, with which it ends.
        enter: called in the new process, to go to where the address can be reached.
        keep: descriptors that stay open in it.
    """
    waiting, go = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child:
        os.close(waiting)
        return child, go
    try:
        os.close(go)
        if os.read(waiting, 1):
            _stand_alone({*keep, *(each.fileno() for each in sockets)})
            container = os.pidfd_open(pid)
            if enter is not None:
                enter()
            Proxy(sockets, ports, target, container).run()
    finally:
        os._exit(0)


def _stand_alone(kept: set[int]) -> None:
    """Keep nothing of the hook's but these descriptors: its caller waits until they are closed."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:
                continue  # that of the listing itself


class Proxy:
    """Hands on connections and datagrams until the container ends.

    Args:
        sockets: that listen, one for each port.
        ports: where they lead.
        target: the container's address.
        container: a pidfd of its first process.
    """

    def __init__(
        self,
        sockets: Sequence[_socket.socket],
        ports: Sequence[PublishedPort],
        target: str,
        container: int,
    ) -> None:
        self.poll = select.epoll()
        self.handlers: dict[int, Handler] = {}
        self._ended = False
        self._datagrams = []
        self.watch(container, _IN, self._end)
        for listening, port in zip(sockets, ports, strict=True):
            listening.setblocking(False)
            address = (target, port.port)
            if port.protocol == "udp":
                relay = _Datagrams(self, listening, address)
                self._datagrams.append(relay)
                self.watch(listening.fileno(), _IN, relay.from_client)
            else:
                self.watch(listening.fileno(), _IN, _Accepting(self, listening, address).accept)

    def run(self) -> None:
        """Until the container ends."""
        while not self._ended:
            for descriptor, events in self.poll.poll(_IDLE / 2 if self._datagrams else None):
                handler = self.handlers.get(descriptor)
                if handler is not None:
                    handler(events)
            for relay in self._datagrams:
                relay.forget_idle()

    def watch(self, descriptor: int, events: int, handler: Handler) -> None:
        """Call a handler for events of a descriptor."""
        self.handlers[descriptor] = handler
        self.poll.register(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no more; to be called before it is closed."""
        if self.handlers.pop(descriptor, None) is not None:
            self.poll.unregister(descriptor)

    def _end(self, _events: int) -> None:
        self._ended = True


class _Accepting:
    """A TCP port."""

    def __init__(self, proxy: Proxy, listening: _socket.socket, address: tuple[str, int]) -> None:
        self._proxy = proxy
        self._listening = listening
        self._address = address

    def accept(self, _events: int) -> None:
        try:
            descriptor, _ = self._listening._accept()  # type: ignore[attr-defined]
        except OSError:
            time.sleep(0.01)  # out of descriptors: the connection waits until one is free
            return
        client = _socket.socket(fileno=descriptor)
        client.setblocking(False)
        server = _socket.socket(_socket.AF_INET, KINDS["tcp"] | _socket.SOCK_CLOEXEC)
        server.setblocking(False)
        if server.connect_ex(self._address) not in (0, 115):
            client.close()
            server.close()
            return
        _Connection(self._proxy, client, server)


class _Connection:
    """Two sockets; what one says the other hears, until both have said all."""

    def __init__(self, proxy: Proxy, client: _socket.socket, server: _socket.socket) -> None:
        self._proxy = proxy
        self._ways = (_Way(client, server), _Way(server, client))
        for end in (client, server):
            end.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            proxy.watch(end.fileno(), 0, self._handler(end))
        self._settle()

    def _handler(self, end: _socket.socket) -> Handler:
        def handle(events: int) -> None:
            try:
                for way in self._ways:
                    if way.source is end and events & _IN:
                        way.read()
                    if way.sink is end and events & _OUT:
                        way.write()
                    if way.source is end and events & _GONE:
                        way.read_rest()
            except OSError:
                self._close()
                return
            if events & _GONE:
                self._proxy.forget(end.fileno())  # it would be told again and again
            if all(way.finished for way in self._ways):
                self._close()
            else:
                self._settle()

        return handle

    def _settle(self) -> None:
        """Ask for the events that we can do something with."""
        for end in (self._ways[0].source, self._ways[0].sink):
            if end.fileno() not in self._proxy.handlers:
                continue
            events = 0
            for way in self._ways:
                if way.source is end and way.wants_more:
                    events |= _IN
                if way.sink is end and way.has_something:
                    events |= _OUT
            self._proxy.poll.modify(end.fileno(), events)

    def _close(self) -> None:
        for end in (self._ways[0].source, self._ways[0].sink):
            self._proxy.forget(end.fileno())
            end.close()


class _Way:
    """One direction of a connection."""

    def __init__(self, source: _socket.socket, sink: _socket.socket) -> None:
        self.source = source
        self.sink = sink
        self._waiting = bytearray()
        self._ended = False
        self._connected = False
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


class _Datagrams:
    """A UDP port: each client has a socket of its own, so that answers find their way."""

    def __init__(self, proxy: Proxy, listening: _socket.socket, address: tuple[str, int]) -> None:
        self._proxy = proxy
        self._listening = listening
        self._address = address
        self._clients: dict[tuple[str, int], tuple[_socket.socket, float]] = {}

    def from_client(self, _events: int) -> None:
        try:
            data, client = self._listening.recvfrom(_CHUNK)
            server = self._server_for(client)
            if server is not None:
                server.send(data)
        except OSError:
            return  # a datagram may be lost

    def forget_idle(self) -> None:
        before = time.monotonic() - _IDLE
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
            server = _socket.socket(_socket.AF_INET, KINDS["udp"] | _socket.SOCK_CLOEXEC)
            server.setblocking(False)
            server.connect(self._address)
            self._proxy.watch(server.fileno(), _IN, lambda _: self._answer(client, server))
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
        self._proxy.forget(server.fileno())
        server.close()

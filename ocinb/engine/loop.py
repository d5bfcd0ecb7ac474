"""The monitor's loop: one ``poll`` over its clients, the streams, and processes that end."""

from __future__ import annotations

import os
import select
import socket
import struct
import time

from ocinb.engine.client import Client
from ocinb.engine.frames import DETACHED
from ocinb.engine.input import Input
from ocinb.engine.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Urgent = Callable[[Client, dict[str, Any]], bool]


class Loop:
    """What the monitor listens to.

    Args:
        control: the socket to the engine that began it all.
        log: the path of the log; empty for none.
        urgent: given each order as it arrives; true: it was dealt with at once.

    Attributes:
        owner: that engine.
        orders: those that wait for their turn, each with who gave it.
        output: what the container writes.
        input: what it reads.
        ended: statuses of children that have ended, by pid, as ``waitpid`` gave them.
        detached: the owner has left the container to us.
    """

    def __init__(self, control: int, log: str, urgent: Urgent) -> None:
        self.owner = Client(control)
        self._clients = [self.owner]
        self._urgent = urgent
        self._listener: socket.socket | None = None
        self.orders: list[tuple[Client, dict[str, Any]]] = []
        self.output = Output(log, lambda: self._clients)
        self.input = Input(lambda: self._clients, self.detach)
        self.ended: dict[int, int] = {}
        self.detached = False

    @property
    def connected(self) -> bool:
        """Whether there is any engine at the other end."""
        return any(client.connected for client in self._clients)

    @property
    def listening(self) -> bool:
        """Whether further clients can come."""
        return self._listener is not None

    def listen(self, listener: socket.socket) -> None:
        """Take further clients, of the same user, on this socket from now on."""
        listener.setblocking(False)
        self._listener = listener

    def use_terminal(self, master: int) -> None:
        """Take output from a pseudoterminal, whose master side this is, and type on it."""
        self.output.use_terminal(master)
        self.input.use_terminal(master)

    def detach(self, client: Client) -> None:
        """Go on without a client."""
        if client is self.owner:
            client.vanish()
            self.detached = True
        else:
            client.leave()
        client.say(DETACHED)

    def part(self) -> None:
        """Share the streams with nobody any more: what was there to share has ended."""
        for client in self._clients:
            client.leave()
        self.input.end()
        self.output.end()
        self.detached = True

    def turn(self, watched: int = -1, timeout: float | None = None) -> None:
        """Wait until something happens, and deal with it.

        Args:
            watched: a descriptor of a process whose end is also something that happens.
            timeout: seconds, or None for as long as it takes.
        """
        wanted: dict[int, int] = {}
        if watched >= 0:
            wanted[watched] = select.POLLIN
        if self._listener is not None:
            wanted[self._listener.fileno()] = select.POLLIN
        for client in self._clients:
            client.register(wanted)
        self.output.register(wanted)
        self.input.register(wanted)
        poll = select.poll()
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        ready = dict(poll.poll(None if timeout is None else timeout * 1000))
        if self._listener is not None and self._listener.fileno() in ready:
            self._accept()
        for client in list(self._clients):
            for order in client.handle(ready):
                self._hear(client, order)
        self.output.handle(ready)
        if self.input.on_terminal and self.output.terminal < 0:
            self.input.end()
        self.input.handle(ready)
        self._forget_gone()
        self.reap()

    def _hear(self, client: Client, order: dict[str, Any]) -> None:
        """Deal with an order. A bad one must not end us: the container would be nobody's."""
        try:
            if not self._urgent(client, order):
                self.orders.append((client, order))
        except Exception as error:
            client.refuse(order, error)

    def say(self, kind: bytes, content: bytes = b"") -> None:
        """Send a frame to every client."""
        for client in self._clients:
            client.say(kind, content)

    def flush(self, seconds: float) -> None:
        """Wait until all have taken everything, or are gone, or the time is over."""
        end = time.monotonic() + seconds
        while any(client.waiting for client in self._clients) and time.monotonic() < end:
            self.turn(timeout=0.1)

    def give_away(self, client: Client) -> int:
        """Part with a client, which is somebody else's from now on; its socket."""
        self._clients.remove(client)
        return client.detach_socket()

    def reap(self) -> None:
        """Collect children that have ended: the runtime's calls, the container's process, and
        whoever was left to us as the nearest ancestor that takes orphans."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.ended[pid] = status

    def has_children(self) -> bool:
        """Whether any process is our child still."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        _, uid, _ = struct.unpack("3i", packed)
        # The socket lies in a private directory; who got there all the same is turned away.
        if uid == os.geteuid():
            self._clients.append(Client(connection.detach()))
        else:
            connection.close()

    def _forget_gone(self) -> None:
        for client in list(self._clients):
            if client.connected:
                continue
            if client is self.owner:
                client.vanish()
            else:
                client.leave()
                self._clients.remove(client)

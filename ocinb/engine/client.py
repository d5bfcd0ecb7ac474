"""An engine as the monitor sees it: a socket that brings orders, and streams that it may share."""

from __future__ import annotations

import json
import os
import select
import socket
import sys

from ocinb.engine.frames import (
    LONGEST_ORDER,
    MOST_DESCRIPTORS,
    REPLY,
    STDERR,
    STDOUT,
    error_document,
    pack,
)
from ocinb.errors import ContainerError, OcinbError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BACKLOG = 1 << 20
"""Bytes that may wait for an engine that does not read; beyond, the container's writing waits."""

_SHOWN = 40
"""Characters of an order's name that an error shows."""


class Client:
    """One engine, or what became of the connection to it.

    Args:
        connection: descriptor of the socket.

    Attributes:
        connected: whether there is anybody at the other end.
        attached: whether it gets what the container writes.
        sinks: stream (1, 2) → descriptor to write to, or -1 to send it as frames.
        stdin: descriptor of what the container shall read, or -1.
        typed: what was read of it and not passed on, because it may be the keys to detach.
    """

    def __init__(self, connection: int) -> None:
        self._socket = socket.socket(fileno=connection)
        self._socket.setblocking(False)
        self._heard = b""
        self._to_say = bytearray()
        self._given: list[int] = []
        self._listens = True
        self.connected = True
        self.attached = False
        self.sinks = {1: -1, 2: -1}
        self.stdin = -1
        self.typed = b""

    def attach(self, stdin: int, sinks: dict[int, int]) -> None:
        """Share the container's streams from now on."""
        self.attached = True
        self.stdin = stdin
        self.sinks = sinks

    def leave(self) -> None:
        """Share them no more."""
        self.attached = False
        self._close_sinks()
        self._close_stdin()

    def vanish(self) -> None:
        """Go on without the engine that began it all: what it was to bring is still read, but
        keys that are typed now are for others.
        """
        self._close_sinks()
        if self.stdin >= 0 and os.isatty(self.stdin):
            self._close_stdin()

    def _close_sinks(self) -> None:
        for sink in self.sinks.values():
            if sink >= 0:
                os.close(sink)
        self.sinks = {1: -1, 2: -1}

    def _close_stdin(self) -> None:
        if self.stdin >= 0:
            os.close(self.stdin)
        self.stdin = -1

    def _close_given(self) -> None:
        for descriptor in self._given:
            os.close(descriptor)
        self._given = []

    def take_descriptors(self, number: int) -> list[int]:
        """The next descriptors that were sent along with orders.

        Raises:
            ValueError: fewer were sent.
        """
        if len(self._given) < number:
            raise ValueError(f"{number} descriptors are announced, {len(self._given)} were sent")
        taken, self._given = self._given[:number], self._given[number:]
        return taken

    def take_streams(self, order: dict[str, Any]) -> list[int]:
        """Standard input and the two outputs that came along with an order; -1 for none.

        Raises:
            ValueError: there are other names, or fewer descriptors than names.
        """
        known, names = ("stdin", "stdout", "stderr"), order["streams"]
        if sorted(names) != sorted({*names}.intersection(known)):
            raise ValueError(f"streams are {', '.join(known)}")
        given = dict(zip(names, self.take_descriptors(len(names)), strict=True))
        return [given.get(name, -1) for name in known]

    # what it says

    def register(self, wanted: dict[int, int]) -> None:
        """Add what to wait for: descriptor → events."""
        if self.connected:
            events = select.POLLIN | (select.POLLOUT if self._to_say else 0)
            wanted[self._socket.fileno()] = events

    def handle(self, ready: dict[int, int]) -> list[dict[str, Any]]:
        """Deal with what ``poll`` has found; the orders that have arrived."""
        if not self.connected or self._socket.fileno() not in ready:
            return []
        orders = self._listen()
        self._speak()
        return orders

    def _listen(self) -> list[dict[str, Any]]:
        try:
            data, given, _, _ = socket.recv_fds(self._socket, 65536, MOST_DESCRIPTORS)
        except BlockingIOError:
            return []
        except OSError:
            data, given = b"", []
        for descriptor in given:
            os.set_inheritable(descriptor, False)
        self._given += given
        *lines, self._heard = (self._heard + data).split(b"\n")
        # What an order does not take, or does not end, would fill us for ever.
        bad = len(self._given) > MOST_DESCRIPTORS or len(self._heard) > LONGEST_ORDER
        try:
            orders = [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            bad = True
        if not data or bad or not all(isinstance(order, dict) for order in orders):
            self.hang_up()
            return []
        return orders

    # what it is told

    def say(self, kind: bytes, content: bytes = b"") -> None:
        """Send a frame, if there is anybody."""
        if self.connected and self._listens:
            self._to_say += pack(kind, content)
            self._speak()

    def refuse(self, order: dict[str, Any], error: Exception) -> None:
        """Say that an order was not carried out, and why.

        Args:
            order: what was asked for.
            error: what came of it; one that nobody raises on purpose shows that the order was
                not understood, and goes into our log, too.
        """
        if not isinstance(error, (OcinbError, OSError)):
            sys.excepthook(type(error), error, error.__traceback__)
            name = str(order.get("do"))[:_SHOWN]
            error = ContainerError(
                f"the container's monitor does not understand the order {name!r}",
                hint="another version of ocinb began this container: stop it, and begin it again",
            )
        self.say(REPLY, json.dumps(error_document(error)).encode())

    @property
    def waiting(self) -> bool:
        """Whether there is something that it has not taken yet."""
        return bool(self._to_say) and self.connected

    def give(self, stream: int, data: bytes) -> bool:
        """Give it what the container wrote; False where nobody reads it any more."""
        sink = self.sinks[stream]
        if sink >= 0:
            return write_all(sink, data)
        self.say(STDOUT if stream == 1 else STDERR, data)
        return True

    def full(self, stream: int) -> int | None:
        """Whether it takes no more of a stream at the moment: a descriptor to wait for, or -1
        where ``register`` does so already; None where it takes more.
        """
        sink = self.sinks[stream]
        if sink >= 0:
            return None if _writable(sink) else sink
        return -1 if len(self._to_say) > _BACKLOG else None

    def _speak(self) -> None:
        while self._to_say and self.connected:
            try:
                del self._to_say[: self._socket.send(self._to_say)]
            except BlockingIOError:
                return
            except OSError:
                # It listens no more. What it said before is still to be read, up to its end.
                self._listens = False
                self._to_say.clear()

    def hang_up(self) -> None:
        """End the connection."""
        self.connected = False
        self._to_say.clear()
        self._heard = b""
        self._close_given()
        self._socket.close()

    def detach_socket(self) -> int:
        """Give the socket away; this object is of no use afterwards."""
        self.connected = False
        self._close_given()
        return self._socket.detach()


def write_all(fd: int, data: bytes) -> bool:
    """Write to a descriptor that may make us wait; False where nobody reads at the other end."""
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        return False
    return True


def _writable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))

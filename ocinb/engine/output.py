"""A container's output on its way: out of its pipes or terminal, into the log, and to people."""

from __future__ import annotations

import os
import select

from ocinb.engine.log_file import LogWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.engine.client import Client

_SMALL = 4096
"""Bytes that a pipe which is ready for writing takes without making us wait."""
_LARGE = 65536
_MOST_HELD = 100
"""Pieces of output that are held back; a runtime that writes more than that repeats itself."""


class Output:
    """Moves what the container writes.

    Args:
        log: the path of the log; empty for none.
        clients: gives those that are there, in the order in which they came.

    Attributes:
        terminal: the master side of the container's terminal, or -1.
        refused: the first client that has stopped reading what the container goes on writing.
    """

    def __init__(self, log: str, clients: Callable[[], list[Client]]) -> None:
        self._log = LogWriter(log) if log else None
        self._clients = clients
        self._sources: dict[int, int] = {}
        self._held: list[tuple[int, bytes]] | None = None
        self.terminal = -1
        self.refused: Client | None = None

    @property
    def open(self) -> bool:
        """Whether more can come."""
        return bool(self._sources)

    def make_pipes(self) -> tuple[int, int]:
        """The ends that the container writes its two streams to; the caller closes them.

        Until ``release`` what comes is held back: should ``create`` fail, it was not the
        container that wrote it but the runtime, which says there why.
        """
        self._held = []
        ends = []
        for stream in (1, 2):
            reader, writer = os.pipe()
            os.set_blocking(reader, False)
            self._sources[reader] = stream
            ends.append(writer)
        return ends[0], ends[1]

    def use_terminal(self, master: int) -> None:
        """Take output from a pseudoterminal."""
        os.set_blocking(master, False)
        self.terminal = master
        self._sources = {master: 1}

    def register(self, wanted: dict[int, int]) -> None:
        """Add what to wait for, descriptor → events: more output, or who takes more of it."""
        for source, stream in self._sources.items():
            full = [client.full(stream) for client in self._listeners()]
            waits = [sink for sink in full if sink is not None]
            wanted.update((sink, select.POLLOUT) for sink in waits if sink >= 0)
            if not waits:
                wanted[source] = select.POLLIN

    def handle(self, ready: dict[int, int]) -> None:
        """Move what is ready: descriptor → events, as ``poll`` gave them."""
        for source in list(self._sources):
            if source in ready:
                self._move(source)

    def drain(self) -> None:
        """Take what is there already, without waiting for more."""
        for source in list(self._sources):
            while source in self._sources and self._move(source):
                pass

    def release(self) -> None:
        """Pass on what was held back, and from now on everything at once."""
        held, self._held = self._held or [], None
        for stream, data in held:
            self._pass_on(stream, data)

    def withheld(self) -> bytes:
        """Take back what was held and what is still to be read; no more is read after that."""
        self._held = self._held or []
        self.drain()
        self.end()
        held, self._held = self._held, None
        return b"".join(data for _, data in held)

    def end(self) -> None:
        """Read no more, whoever still writes."""
        for source in list(self._sources):
            self._close(source)
        self.refused = None

    def _listeners(self) -> list[Client]:
        return [client for client in self._clients() if client.attached]

    def _move(self, source: int) -> bool:
        stream = self._sources[source]
        small = any(client.sinks[stream] >= 0 for client in self._listeners())
        try:
            data = os.read(source, _SMALL if small else _LARGE)
        except BlockingIOError:
            return False
        except OSError:  # EIO: the terminal's other side is closed
            data = b""
        if not data:
            self._close(source)
            return False
        if self._held is None:
            self._pass_on(stream, data)
        elif len(self._held) < _MOST_HELD:
            self._held.append((stream, data))
        return source in self._sources

    def _pass_on(self, stream: int, data: bytes) -> None:
        if self._log is not None:
            self._log.write(stream, data)
        for client in self._listeners():
            if client.give(stream, data):
                continue
            if client is not self._clients()[0]:
                client.leave()
                continue
            # As in a shell pipeline whose reader ended: the next write gets EPIPE.
            self.refused = client
            for source in [s for s, number in self._sources.items() if number == stream]:
                self._close(source)

    def _close(self, source: int) -> None:
        del self._sources[source]
        os.close(source)
        if source == self.terminal:
            self.terminal = -1

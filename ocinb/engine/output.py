"""A container's output on its way: out of its pipes or terminal, into the log, and to a person."""

from __future__ import annotations

import os
import select

from ocinb.engine.log_file import LogWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Send = Callable[[int, bytes], None]

_SMALL = 4096
"""Bytes that a pipe which is ready for writing takes without making us wait."""
_LARGE = 65536
_MOST_HELD = 100
"""Pieces of output that are held back; a runtime that writes more than that repeats itself."""


class Output:
    """Moves what the container writes.

    Args:
        log: the path of the log.
        sinks: stream (1, 2) → descriptor to write it to, or -1 to ``send`` it.
        send: takes a stream's number and bytes.

    Attributes:
        terminal: the master side of the container's terminal, or -1.
        refused: whether somebody has stopped reading what the container goes on writing.
    """

    def __init__(self, log: str, sinks: dict[int, int], send: Send) -> None:
        self._log = LogWriter(log)
        self._sinks = sinks
        self._send = send
        self._sources: dict[int, int] = {}
        self._input = -1
        self._held: list[tuple[int, bytes]] | None = None
        self.terminal = -1
        self.refused = False

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
        """Take output from a pseudoterminal, and give it what comes on our standard input."""
        os.set_blocking(master, False)
        self.terminal = master
        self._sources = {master: 1}
        self._input = 0

    def register(self, poll: select.poll, *, paused: bool) -> None:
        """Say what to wait for; ``paused``: nobody takes what would be sent."""
        for source, stream in self._sources.items():
            sink = self._sinks[stream]
            if sink >= 0 and not _writable(sink):
                poll.register(sink, select.POLLOUT)
            elif sink >= 0 or not paused:
                poll.register(source, select.POLLIN)
        if self._input >= 0 and self.terminal >= 0:
            poll.register(self._input, select.POLLIN)

    def handle(self, ready: dict[int, int]) -> None:
        """Move what is ready: descriptor → events, as ``poll`` gave them."""
        if self._input in ready and self.terminal >= 0:
            self._type()
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
        for source in list(self._sources):
            self._close(source)
        held, self._held = self._held, None
        return b"".join(data for _, data in held)

    def _move(self, source: int) -> bool:
        stream = self._sources[source]
        sink = self._sinks[stream]
        try:
            data = os.read(source, _SMALL if sink >= 0 else _LARGE)
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
        sink = self._sinks[stream]
        self._log.write(stream, data)
        if sink < 0:
            self._send(stream, data)
        elif not _write_all(sink, data):
            # As in a shell pipeline whose reader ended: the next write gets EPIPE.
            self.refused = True
            for source in [s for s, number in self._sources.items() if number == stream]:
                self._close(source)

    def _type(self) -> None:
        data = os.read(self._input, _SMALL)
        if data:
            _write_all(self.terminal, data)
        else:
            self._input = -1

    def _close(self, source: int) -> None:
        del self._sources[source]
        os.close(source)
        if source == self.terminal:
            self.terminal = -1


def _writable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))


def _write_all(fd: int, data: bytes) -> bool:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        return False
    return True

"""Talking to a monitor: orders, answers, output, and the end, over one socket."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.engine import control_socket
from ocinb.engine.container_files import ContainerFiles, read_json
from ocinb.engine.frames import (
    DETACHED,
    EXIT,
    HELLO,
    REPLY,
    STDERR,
    STDOUT,
    Unpacker,
    check_protocol,
    order,
    revive,
)
from ocinb.engine.runtime_process import complaint
from ocinb.errors import ContainerError
from ocinb.event_log import EventsReader
from ocinb.events import Syscall, ignore

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ocinb.events import Record

OutputCallback = Callable[[bytes, int], None]


class Connection:
    """A socket to the monitor of a container.

    Args:
        files: the container's directory.
        record: told the events of monitor and runtime as they come, but for system calls.
        output: given bytes and stream number (1, 2); None: output goes to the standard output and
            error of this process, by the hand of the monitor.

    Attributes:
        files: as given.
        exit: what the monitor said of the end; None before.
        detached: whether the keys to detach were typed.
    """

    def __init__(
        self, files: ContainerFiles, record: Record = ignore, output: OutputCallback | None = None
    ) -> None:
        self._control: socket.socket
        self.files = files
        self._record = record
        self._output = output
        self._events = EventsReader(files.events)
        self._frames = Unpacker()
        self._replies: list[dict[str, Any]] = []
        self._greeted = False
        self.exit: dict[str, Any] | None = None
        self.detached = False

    @classmethod
    def to(cls, files: ContainerFiles, output: OutputCallback | None = None) -> Self:
        """A connection to the monitor of a container that another process may have begun.

        Raises:
            ContainerError: it was killed, has ended with its container, or is of another version.
        """
        made = cls(files, output=output)
        try:
            made._control = control_socket.connect(files.directory)
        except OSError:
            container = os.path.basename(files.directory)
            raise ContainerError(
                f"the monitor of container {container} is gone, so its streams are out of reach",
                hint=f"ocinb logs {container} shows what it wrote",
            ) from None
        try:
            check_protocol(str(read_json(files.monitor).get("protocol", "")))
        except ContainerError:
            made._control.close()
            raise
        # Of events only those that are still to come are of interest.
        made._events.skip()
        return made

    def share(self, do: str, streams: dict[str, int], **values: Any) -> dict[str, Any]:
        """Give an order together with descriptors, and wait until it is carried out.

        Args:
            do: ``attach`` or ``exec``.
            streams: ``stdin``, ``stdout``, ``stderr`` → descriptor; the monitor gets copies.
            values: of the order.
        """
        data = order(do, streams=list(streams), **values)
        self._replies.clear()
        sent = 0
        try:
            if streams:
                sent = socket.send_fds(self._control, [data], list(streams.values()))
        except OSError:
            sent = len(data)  # it has ended: what it said last is still to be read
        self._send(data[sent:])
        return self._await_reply()

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Give an order and wait until it is carried out.

        Raises:
            OcinbError: what the monitor answered. ContainerError: it was killed.
        """
        self.order(do, **values)
        return self._await_reply()

    def _await_reply(self) -> dict[str, Any]:
        """The next answer, which is to an order whose answer nobody has waited for yet."""
        while not self._replies:
            if not self.listen():
                where, why = self.files.directory, self._last_words()
                raise ContainerError(f"the monitor of {where} is gone: {why}")
        reply = self._replies.pop(0)
        if "error" in reply:
            raise revive(reply)
        return reply

    def order(self, do: str, **values: Any) -> None:
        """Give an order without waiting."""
        self._replies.clear()
        self._send(order(do, **values))

    def check(self) -> None:
        """Make sure that no order was answered by an error so far.

        Raises:
            OcinbError: the first such answer.
        """
        for reply in self._replies:
            if "error" in reply:
                raise revive(reply)

    def kill(self, signal: int) -> None:
        """Send a signal to the container's first process, if it has one still."""
        self._send(order("kill", signal=signal))

    def resize(self, rows: int, columns: int) -> None:
        """Tell the container's terminal how large it is."""
        self._send(order("resize", rows=rows, columns=columns))

    def detach(self) -> None:
        """Leave the container to its monitor."""
        self._send(order("detach"))
        self._control.close()

    def listen(self, timeout: float | None = None) -> bool:
        """Deal with what the monitor says next.

        Args:
            timeout: seconds to wait for it; None: as long as it takes.

        Returns:
            False when the monitor has ended.
        """
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        if not poll.poll(None if timeout is None else timeout * 1000):
            return True
        try:
            data = self._control.recv(1 << 18)
        except ConnectionError:
            data = b""
        for kind, content in self._frames.feed(data):
            self._take(kind, content)
        self._tell_events()
        return bool(data)

    def _take(self, kind: bytes, content: bytes) -> None:
        if kind in (STDOUT, STDERR):
            if self._output is not None:
                self._output(content, 1 if kind == STDOUT else 2)
        elif kind == HELLO:
            check_protocol(content.decode())
            self._greeted = True
        elif kind == REPLY:
            self._replies.append(json.loads(content))
        elif kind == DETACHED:
            self.detached = True
        elif kind == EXIT:
            self.exit = json.loads(content)

    def _tell_events(self) -> None:
        # Of system calls there are hundreds: who wants to know them reads the file.
        for event in self._events.new(without=Syscall):
            self._record(event)

    def _send(self, data: bytes) -> None:
        try:
            self._control.sendall(data)
        except OSError:
            return  # it has ended: what it said last is still to be read

    def _last_words(self) -> str:
        try:
            text = Path(self.files.monitor_log).read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        lines = text.strip().splitlines()
        return lines[-1] if lines else complaint(self.files.runtime_log) or "it was killed"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._control.close()

"""The engine's side of a monitor: begun, given orders, listened to, or left alone."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.events_file import EventsReader
from ocinb.engine.frames import EXIT, HELLO, REPLY, STDERR, STDOUT, Unpacker, order, revive
from ocinb.engine.launcher_process import request
from ocinb.engine.runtime_process import complaint
from ocinb.errors import ContainerError

if TYPE_CHECKING:
    from ocinb.events import Record

OutputCallback = Callable[[bytes, int], None]

_LONGEST_CLEANUP = 10.0
"""Seconds that a monitor has to clean up once nobody needs the container."""


class Shim:
    """A monitor that this process started.

    A context manager: left before ``detach``, the container is ended and cleaned up.

    Args:
        files: the container's directory.
        record: told the events of monitor and runtime as they come.
        output: given bytes and stream number (1, 2); None: the container's output goes to the
            standard output and error of this process.
        stdin: a descriptor for the container's standard input; None: there is none.
    """

    def __init__(
        self,
        files: ContainerFiles,
        record: Record,
        *,
        output: OutputCallback | None = None,
        stdin: int | None = None,
        detached: bool = False,
    ) -> None:
        self._files = files
        self._record = record
        self._output = output
        self._events = EventsReader(files.events)
        self._frames = Unpacker()
        self._reply: dict[str, Any] | None = None
        self._greeted = False
        self.exit: dict[str, Any] | None = None
        outputs = () if output is not None or detached else (1, 2)
        self._begin(stdin, outputs)

    def _begin(self, stdin: int | None, outputs: tuple[int, ...], *, again: bool = True) -> None:
        """Have a monitor forked, and wait until it is there.

        Raises:
            ContainerError: there is none.
        """
        self._control, theirs = socket.socketpair()
        with theirs, open(os.devnull, "rb") as null:
            given = null.fileno() if stdin is None else stdin
            request("monitor", [theirs.fileno(), given, *outputs], directory=self._files.directory)
        while not self._greeted:
            if self.listen():
                self.check()
            else:
                self._control.close()
                if not again:
                    why = self._last_words()
                    raise ContainerError(f"the monitor of the container did not start: {why}")
                # The launcher was killed with our request unread.
                self._begin(stdin, outputs, again=False)

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Give an order and wait until it is carried out.

        Raises:
            OcinbError: what the monitor answered. ContainerError: it was killed.
        """
        self.order(do, **values)
        while (reply := self.check()) is None:
            if not self.listen():
                where, why = self._files.directory, self._last_words()
                raise ContainerError(f"the monitor of {where} is gone: {why}")
        return reply

    def order(self, do: str, **values: Any) -> None:
        """Give an order without waiting."""
        self._reply = None
        self._send(order(do, **values))

    def check(self) -> dict[str, Any] | None:
        """The answer to the last order; None while it is being carried out.

        Raises:
            OcinbError: the answer is an error.
        """
        if self._reply and "error" in self._reply:
            raise revive(self._reply)
        return self._reply

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
        ready, _, _ = select.select([self._control], [], [], timeout)
        if not ready:
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
            self._greeted = True
        elif kind == REPLY:
            self._reply = json.loads(content)
        elif kind == EXIT:
            self.exit = json.loads(content)

    def _tell_events(self) -> None:
        for event in self._events.new():
            self._record(event)

    def _send(self, data: bytes) -> None:
        try:
            self._control.sendall(data)
        except OSError:
            return  # it has ended: what it said last is still to be read

    def _last_words(self) -> str:
        try:
            text = Path(self._files.monitor_log).read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        lines = text.strip().splitlines()
        return lines[-1] if lines else complaint(self._files.runtime_log) or "it was killed"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._control.fileno() < 0:
            return
        if self.exit is None:
            self._end()
        self._control.close()
        self._tell_events()

    def _end(self) -> None:
        """Have the container ended and wait until it is cleaned up."""
        self.kill(9)
        self._control.shutdown(socket.SHUT_WR)
        monitor = self._files.read_process(self._files.monitor)
        end = time.monotonic() + _LONGEST_CLEANUP
        while monitor and monitor.alive and time.monotonic() < end:
            time.sleep(0.02)

"""The engine's side of a monitor that it began itself."""

from __future__ import annotations

import contextlib
import socket
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ocinb.engine.connection import Connection, OutputCallback
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.frames import order
from ocinb.engine.launcher_process import request
from ocinb.errors import ContainerError

if TYPE_CHECKING:
    from ocinb.events import Record

_LONGEST_CLEANUP = 10.0
"""Seconds that a monitor has to clean up once nobody needs the container."""


class Shim(Connection):
    """A monitor that this process started.

    A context manager: left before ``detach``, the container is ended and cleaned up.

    Args:
        files: the container's directory.
        record: told the events of monitor and runtime as they come.
        output: as for ``Connection``.
        stdin: a descriptor for the container's standard input; None: there is none.
        shares_output: whether what the container writes goes to the standard output and error of
            this process, by the hand of the monitor.
    """

    def __init__(
        self,
        files: ContainerFiles,
        record: Record,
        *,
        output: OutputCallback | None = None,
        stdin: int | None = None,
        shares_output: bool = False,
    ) -> None:
        super().__init__(files, record, output)
        self._streams = {} if stdin is None else {"stdin": stdin}
        if shares_output:
            self._streams |= {"stdout": 1, "stderr": 2}
        self._first = b""

    def order_first(self, do: str, **values: Any) -> None:
        """Have the monitor, and give it its first order, without waiting.

        Raises:
            ContainerError: the launcher could not be started.
        """
        self._summon(order(do, **values))

    def order_next(self, do: str, **values: Any) -> None:
        """Give the order to create, which the monitor refuses where the first has failed."""
        following = order(do, **values)
        self._first += following
        self._send(following)

    def _summon(self, first: bytes) -> None:
        """Ask for the monitor; what it shall do is there before it is, as far as that fits."""
        self._control, theirs = socket.socketpair()
        with theirs:
            self._first = first
            self._control.setblocking(False)
            sent = self._control.send(first)
            self._control.setblocking(True)
            given = {"control": theirs.fileno(), **self._streams}
            directory = self.files.directory
            request("monitor", list(given.values()), names=list(given), watch=directory)
        self._send(first[sent:])

    def first_reply(self) -> dict[str, Any]:
        """Wait until the first order is carried out. See ``ask``.

        Raises:
            ContainerError: there is no monitor.
        """
        again = True
        while not (self._greeted or self._replies):  # one that cannot be says why
            if self.listen():
                continue
            self._control.close()
            if not again:
                why = self._last_words()
                raise ContainerError(f"the monitor of the container did not start: {why}")
            # The launcher was killed with our request unread.
            again = False
            self._summon(self._first)
        return self._await_reply()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if not self._first or self._control.fileno() < 0:
            return
        try:
            if self.exit is None:
                self._end()
        finally:
            self._control.close()
        self._tell_events()

    def _end(self) -> None:
        """Have the container ended and wait until it is cleaned up."""
        self.kill(9)
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        end = time.monotonic() + _LONGEST_CLEANUP
        # It may not have written down yet who it is; when it ends it hangs up.
        self._output = None
        with contextlib.suppress(ContainerError):
            while (left := end - time.monotonic()) > 0 and self.listen(left):
                pass
        monitor = self.files.read_process(self.files.monitor)
        while monitor and monitor.alive and time.monotonic() < end:
            time.sleep(0.02)

"""The engine's side of a monitor that it began itself."""

from __future__ import annotations

import socket
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ocinb.engine.connection import Connection, OutputCallback
from ocinb.engine.container_files import ContainerFiles
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
        detached: what the container writes goes to its log only.
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
        super().__init__(files, record, output)
        streams = {} if stdin is None else {"stdin": stdin}
        if output is None and not detached:
            streams |= {"stdout": 1, "stderr": 2}
        self._streams = streams
        self._begin()

    def _begin(self) -> None:
        """Have a monitor forked.

        Raises:
            ContainerError: the launcher could not be started.
        """
        self._control, theirs = socket.socketpair()
        with theirs:
            given = {"control": theirs.fileno(), **self._streams}
            try:
                request(
                    "monitor",
                    list(given.values()),
                    names=list(given),
                    directory=self.files.directory,
                )
            except BaseException:
                self._control.close()
                raise

    def ask_first(self, do: str, **values: Any) -> dict[str, Any]:
        """Give the first order, for which the monitor need not be there yet. See ``ask``.

        Raises:
            ContainerError: there is no monitor.
        """
        self.order(do, **values)
        again = True
        while not self._greeted:
            if self.listen():
                self.check()
                continue
            self._control.close()
            if not again:
                why = self._last_words()
                raise ContainerError(f"the monitor of the container did not start: {why}")
            # The launcher was killed with our request unread.
            again = False
            self._begin()
            self.order(do, **values)
        return self._await_reply()

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
        monitor = self.files.read_process(self.files.monitor)
        end = time.monotonic() + _LONGEST_CLEANUP
        while monitor and monitor.alive and time.monotonic() < end:
            time.sleep(0.02)

"""The engine's side of a monitor that it began itself."""

from __future__ import annotations

import socket
import time
from types import TracebackType
from typing import TYPE_CHECKING

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
        try:
            self._begin(streams)
        except BaseException:
            self._control.close()
            raise

    def _begin(self, streams: dict[str, int], *, again: bool = True) -> None:
        """Have a monitor forked, and wait until it is there.

        Raises:
            ContainerError: there is none.
        """
        self._control, theirs = socket.socketpair()
        with theirs:
            given = {"control": theirs.fileno(), **streams}
            request(
                "monitor",
                list(given.values()),
                names=list(given),
                directory=self.files.directory,
            )
        while not self._greeted:
            if self.listen():
                self.check()
            else:
                self._control.close()
                if not again:
                    why = self._last_words()
                    raise ContainerError(f"the monitor of the container did not start: {why}")
                # The launcher was killed with our request unread.
                self._begin(streams, again=False)

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

"""The engine's side of a monitor that it began itself."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ocinb.engine.connection import Connection, OutputCallback
from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.frames import order, watch
from ocinb.engine.launcher_process import request
from ocinb.errors import ContainerError
from ocinb.linux.bell import make_bell, ring

if TYPE_CHECKING:
    from typing import Self

    from ocinb.events import Record

_LONGEST_CLEANUP = 10.0
"""Seconds that a monitor has to clean up once nobody needs the container."""


class Summons:
    """A monitor that was asked for: it gets ready meanwhile, and waits to hear whose it is.

    A context manager: left before anybody took it, the monitor ends.

    Args:
        stdin: a descriptor for the container's standard input; None: there is none.
        shares_output: whether what the container writes goes to the standard output and error of
            this process, by the hand of the monitor.

    Raises:
        ContainerError: the launcher could not be started.
    """

    def __init__(self, *, stdin: int | None = None, shares_output: bool = False) -> None:
        self._streams = {} if stdin is None else {"stdin": stdin}
        if shares_output:
            self._streams |= {"stdout": 1, "stderr": 2}
        self._bell = make_bell()
        try:
            self._control: socket.socket | None = self.another()
        except BaseException:
            os.close(self._bell)
            raise

    def another(self) -> socket.socket:
        """The socket to one more monitor with the same streams; errors as for the first."""
        control, theirs = socket.socketpair()
        with theirs:
            given = {"control": theirs.fileno(), "bell": self._bell, **self._streams}
            try:
                request("monitor", list(given.values()), names=list(given))
            except BaseException:
                control.close()
                raise
        return control

    def take(self) -> socket.socket:
        """The socket to the monitor, which is the caller's to close."""
        taken, self._control = self._control, None
        assert taken is not None
        return taken

    def ring(self) -> None:
        """Wake the monitor, which then listens to its socket: it has heard of its container."""
        ring(self._bell)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._control is not None:
            self._control.close()
        os.close(self._bell)


class Shim(Connection):
    """A monitor that this process started.

    A context manager: left before ``detach``, the container is ended and cleaned up.

    Args:
        files: the container's directory.
        record: told the events of monitor and runtime as they come.
        output: as for ``Connection``.
        summons: by which it was asked for; left to the caller to close.
    """

    def __init__(
        self,
        files: ContainerFiles,
        record: Record,
        summons: Summons,
        *,
        output: OutputCallback | None = None,
    ) -> None:
        super().__init__(files, record, output)
        self._summons = summons
        self._control = summons.take()
        self._first = b""

    def order_first(self, do: str, **values: Any) -> None:
        """Give the first order, for which the monitor need not be there yet."""
        self._first = watch(self.files.directory) + order(do, **values)
        self._say_first(self._first)

    def order_next(self, do: str, **values: Any) -> None:
        """Give an order to be carried out behind the first, if that succeeds."""
        following = order(do, **values)
        self._first += following
        self._say_first(following)

    def _say_first(self, data: bytes) -> None:
        self._send(data)
        self._summons.ring()

    def first_reply(self) -> dict[str, Any]:
        """Wait until the first order is carried out. See ``ask``.

        Raises:
            ContainerError: there is no monitor.
        """
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
            self._control = self._summons.another()
            self._say_first(self._first)
        return self._await_reply()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._control.fileno() < 0:
            return
        try:
            if self.exit is None:
                self._end()
        finally:
            self._control.close()
        self._tell_events()

    def _end(self) -> None:
        """Have the container ended and wait until it is cleaned up."""
        if not self._first:
            return  # it has heard of no container, and ends when we hang up
        self._summons.ring()  # we may have been interrupted before that
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

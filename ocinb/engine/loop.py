"""The monitor's loop: one ``poll`` over the engine's socket, the output, and processes that end."""

from __future__ import annotations

import json
import os
import select
import time

from ocinb.engine.frames import STDERR, STDOUT, pack
from ocinb.engine.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_BACKLOG = 1 << 20
"""Bytes that may wait for an engine that does not read; beyond, the container's writing waits."""


class Loop:
    """What the monitor listens to.

    Args:
        control: the socket to the engine.
        log: the path of the log.
        sinks: see ``Output``.
        urgent: given each order as it arrives; true: it was dealt with at once.

    Attributes:
        orders: those that wait for their turn.
        connected: whether there is an engine at the other end.
        output: the container's.
        ended: statuses of children that have ended, by pid, as ``waitpid`` gave them.
    """

    def __init__(
        self,
        control: int,
        log: str,
        sinks: dict[int, int],
        urgent: Callable[[dict[str, Any]], bool],
    ) -> None:
        self._control = control
        os.set_blocking(control, False)
        self._urgent = urgent
        self._heard = b""
        self._to_say = bytearray()
        self.orders: list[dict[str, Any]] = []
        self.connected = True
        self.output = Output(log, sinks, self._pass_on)
        self.ended: dict[int, int] = {}

    def turn(self, watched: int = -1, timeout: float | None = None) -> None:
        """Wait until something happens, and deal with it.

        Args:
            watched: a descriptor of a process whose end is also something that happens.
            timeout: seconds, or None for as long as it takes.
        """
        poll = select.poll()
        if self.connected:
            poll.register(self._control, select.POLLIN | (select.POLLOUT if self._to_say else 0))
        if watched >= 0:
            poll.register(watched, select.POLLIN)
        self.output.register(poll, paused=len(self._to_say) > _BACKLOG)
        ready = dict(poll.poll(None if timeout is None else timeout * 1000))
        if self._control in ready:
            self._listen()
            self._speak()
        self.output.handle(ready)
        self.reap()

    def say(self, kind: bytes, content: bytes = b"") -> None:
        """Send a frame to the engine, if there is one."""
        if self.connected:
            self._to_say += pack(kind, content)
            self._speak()

    def flush(self, seconds: float) -> None:
        """Wait until the engine has taken everything, or is gone, or the time is over."""
        end = time.monotonic() + seconds
        while self._to_say and self.connected and time.monotonic() < end:
            self.turn(timeout=0.1)

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

    def _listen(self) -> None:
        try:
            data = os.read(self._control, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if not self._urgent(order):
                self.orders.append(order)

    def _speak(self) -> None:
        while self._to_say and self.connected:
            try:
                del self._to_say[: os.write(self._control, self._to_say)]
            except BlockingIOError:
                return
            except OSError:
                self._hang_up()

    def _hang_up(self) -> None:
        self.connected = False
        self._to_say.clear()
        os.close(self._control)
        self._control = -1  # the number will soon belong to something else

    def _pass_on(self, stream: int, data: bytes) -> None:
        self.say(STDOUT if stream == 1 else STDERR, data)

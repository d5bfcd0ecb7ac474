"""The spare children of the launcher: forked and made ready before anybody asks for them.

Most of what a fork costs is paid later, when both sides write to what they share, and each process
that must wake another costs as well. So a spare child goes through the motions first
(``rehearsal.py``), and then, when it is its turn, waits for the next request itself, in the
launcher's place. Whatever that asks for, it becomes; but what the launcher shall learn it hands
over, and ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time

from ocinb.engine.frames import LONGEST_REQUEST, MOST_DESCRIPTORS
from ocinb.linux.bell import answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.runtime.standby import Standby

    Request = tuple[dict[str, Any], list[int]]

_READY, _LISTEN = b"ready", b"listen"
FRESH = 60.0
"""Seconds that a process has waited at most when it becomes a container's."""
_RENEWALS = 10


class Spare:
    """The launcher's side of it.

    Attributes:
        socket: readable when it has something to say.
        ready: whether it has gone through the motions.
        listens: whether it was told that the next request is for it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.ready = self.listens = False

    def hear(self) -> bytes | None:
        """What it says: nothing but that it is ready now; a request for the launcher; or None: it
        has become something, or was killed.
        """
        try:
            said = self.socket.recv(LONGEST_REQUEST)
        except OSError:
            return None
        if said == _READY:
            self.ready = True
            return b""
        return said or None

    def listen(self) -> None:
        """Have it serve the next request."""
        if not self.listens:
            self.listens = True
            with contextlib.suppress(OSError):  # it was killed: that is heard, too
                self.socket.send(_LISTEN)

    def dismiss(self) -> None:
        """Part with it: unless it has become something already, it ends."""
        self.socket.close()


def fork_spare(live: Callable[[socket.socket], None]) -> Spare | None:
    """Fork it; None: there are too few descriptors, or the kernel refused.

    Args:
        live: what the child does, with its socket to us; it never returns.
    """
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError:
        return None
    with theirs:
        try:
            child = os.fork()
        except OSError:
            ours.close()
            return None
        if child == 0:
            ours.close()
            live(theirs)
    return Spare(ours)


class FreshStandby:
    """The process that waits to be a container's, and is no older than a container may seem.

    By the first process's age programs tell that of their container.

    Args:
        fork: makes one; None: there can be none.

    Attributes:
        process: it is not there, either, where nobody has asked for a container for long.
    """

    def __init__(self, fork: Callable[[], Standby | None]) -> None:
        self._fork = fork
        self._left = _RENEWALS
        self.process = fork()

    def renew(self) -> bool:
        """Have another in its place; false: there is none from now on."""
        self.end()
        self._left -= 1
        if self._left > 0:
            self.process = self._fork()
        return self.process is not None

    def end(self) -> None:
        """Part with it."""
        if self.process is not None:
            self.process.end()
            self.process = None


def stand_by(
    launcher: socket.socket, requests: socket.socket, bell: int, renew: Callable[[], bool]
) -> Request | None:
    """Wait, as the spare child, for what to become; None: for nothing.

    Args:
        launcher: the socket to it, which says when the next request is for us; closed afterwards,
            by which it hears that it serves again.
        requests: where they come; not blocking.
        bell: rung at each.
        renew: called from time to time, as long as its answer is true.
    """
    until: float | None = time.monotonic() + FRESH
    poll = select.poll()
    poll.register(launcher, select.POLLIN)
    poll.register(requests, 0)
    with launcher:
        try:
            launcher.send(_READY)
            while True:
                left = None if until is None else max(until - time.monotonic(), 0)
                ready = {number for number, _ in poll.poll(left and left * 1000)}
                if not ready:
                    until = time.monotonic() + FRESH if renew() else None
                    continue
                if requests.fileno() in ready:
                    break
                if launcher.fileno() in ready:
                    if launcher.recv(len(_LISTEN)) != _LISTEN:
                        break
                    poll.register(bell, select.POLLIN)
                answer(bell)
                try:
                    received = socket.recv_fds(requests, LONGEST_REQUEST, MOST_DESCRIPTORS)
                except BlockingIOError:
                    continue  # the launcher was faster
                data, descriptors, _, _ = received
                if not data:
                    break
                request = json.loads(data)
                if "learn" not in request:
                    return request, descriptors
                launcher.send(data)
                break
        except ConnectionError:
            pass  # nobody needs us
    return None

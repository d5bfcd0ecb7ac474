"""The launcher: a small process that becomes the monitors of containers, by fork.

A Python that starts, imports, and is gone again costs 30 ms and more; a container needs four of
them: its monitor, and our runtime for create, start and delete. So one process imports all that
once and then waits. Each request makes it fork a child that has everything already: a monitor,
which carries out the runtime's operations itself or forks again for them
(``forked_runtime.py``), or one operation alone.

It has one thread, so that its children may enter user namespaces. It ends when whoever started it
does, or closes the socket; monitors, which are in sessions of their own, go on.

What it must not be:

* a way in for others: its one socket has no name. It was inherited, and nobody else can connect;
* a way out of a container: where that is possible its program is a read-only mount of Python's
  file (``ocinb/runtime/sealing.py``), so that whoever gets hold of a ``/proc/PID/exe`` from
  inside cannot write to it (CVE-2019-5736). Children close every descriptor that is not theirs;
* of another version than who asks: it says its own at once, see ``launcher_process.py``.

Run as ``python -I -S launcher.py SOCKET BELL TITLE``: two descriptors, and room for what ``ps``
shows.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

if __name__ == "__main__":
    # -I and -S leave out all of site-packages, so the package's place is told by this file's.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.sealing import seal

    for given in map(int, sys.argv[1:3]):
        os.set_inheritable(given, True)
    seal(Kernel())  # before anything else is imported, for it would have to be imported twice
    for given in map(int, sys.argv[1:3]):
        os.set_inheritable(given, False)

import json
import select
import socket

from ocinb import __version__
from ocinb.engine import forked_runtime, shim
from ocinb.engine.frames import LONGEST_REQUEST, MOST_DESCRIPTORS
from ocinb.engine.process_title import set_title
from ocinb.engine.rehearsal import rehearse
from ocinb.linux.bell import answer, rings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn


_READY = b"ready"
_PAUSE = 0.1
"""Seconds that the container which was asked for has the machine to itself, before the next
monitor is forked and rehearses."""


class Launcher:
    """Serves requests.

    The next monitor is forked before anybody asks for it: most of what a fork costs is paid later,
    when both sides write to what they share.

    Args:
        requests: the socket to who started us.
        bell: rung by them at each request.
    """

    def __init__(self, requests: socket.socket, bell: int) -> None:
        self._requests = requests
        self._bell = bell
        self._spare: socket.socket | None = None

    def serve(self) -> None:
        """Serve until the socket is closed."""
        self._requests.send(json.dumps({"version": __version__}).encode())
        while True:
            if self._spare is None and not self._called(_PAUSE):
                self._spare = self._fork_spare()
            self._called(None)
            answer(self._bell)
            while _readable(self._requests, 0):
                if not self._serve_next():
                    return

    def _serve_next(self) -> bool:
        """Serve a request that is there; false when the socket is closed."""
        received = socket.recv_fds(self._requests, LONGEST_REQUEST, MOST_DESCRIPTORS)
        data, descriptors, _, _ = received
        if not data:
            return False
        request = json.loads(data)
        if "learn" in request:
            forked_runtime.learn(request["learn"])
            self._dismiss_spare()  # it does not know
        elif request["become"] != "monitor" or not self._hand_over(data, descriptors):
            self._fork(request, descriptors)
        for number in descriptors:
            os.close(number)
        return True

    def _called(self, seconds: float | None) -> bool:
        """Wait for a request; false when the time is over."""
        if not rings(self._bell, [self._requests, *filter(None, [self._spare])], seconds):
            return False
        if self._spare is not None and _hung_up(self._spare):
            # It was killed. The next is forked behind a request, for it may fare no better.
            self._dismiss_spare()
            return self._called(seconds)
        return True

    def _hand_over(self, data: bytes, descriptors: list[int]) -> bool:
        """Let the spare child become what was asked for; false where there is none."""
        if self._spare is None or not _readable(self._spare, 0):
            return False  # it rehearses still: to wait for that takes longer than to fork
        try:
            self._spare.recv(len(_READY))
            socket.send_fds(self._spare, [data], descriptors)
        except OSError:  # it was killed
            return False
        finally:
            self._dismiss_spare()
        return True

    def _dismiss_spare(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _fork_spare(self) -> socket.socket | None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                child = os.fork()
            except OSError:
                ours.close()
                return None
            if child == 0:
                ours.close()
                self._live(lambda: _wait(theirs))
        return ours

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        try:
            child = os.fork()
        except OSError as error:
            # Who asked waits at the other end of the first descriptor.
            os.write(descriptors[0], shim.refusal(error))
            return
        if child == 0:
            self._dismiss_spare()
            self._live(lambda: _become(request, descriptors))

    def _live(self, life: Callable[[], None]) -> NoReturn:
        """What a child does: it never returns into our own code."""
        try:
            self._requests.close()
            os.close(self._bell)
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            life()
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)


def _readable(connection: socket.socket, seconds: float) -> bool:
    """Whether there is something to read within this time."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _hung_up(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))


def _wait(requests: socket.socket) -> None:
    """Wait, as the spare child, for what to become; without that there is nothing to do but to
    rehearse.
    """
    set_title("ocinb-monitor", "(of the next container)")
    rehearse()
    try:
        requests.send(_READY)
        data, descriptors, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, MOST_DESCRIPTORS)
    except ConnectionError:
        return  # it was never looked whether we are ready
    requests.close()
    if data:
        _become(json.loads(data), descriptors)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    become: dict[str, Callable[[dict[str, Any], list[int]], None]] = {
        "monitor": shim.become_monitor,
        "operation": forked_runtime.become_operation,
    }
    for number in descriptors:
        # Other runtimes, and with them the container, must not get hold of these.
        os.set_inheritable(number, False)
    become[request.pop("become")](request, descriptors)


def main(requests: int, bell: int) -> None:
    """Prepare, and serve requests until the socket is closed."""
    forked_runtime.preload()
    set_title("ocinb-launcher")
    # Ended children are nobody's concern, and Ctrl-C is for whoever started us.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is here now stays; collecting it in each child would copy the pages that they share.
    gc.collect()
    gc.freeze()
    Launcher(socket.socket(fileno=requests), bell).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""The launcher: a small process that becomes the monitors of containers, by fork.

A Python that starts, imports, and is gone again costs 30 ms and more; a container needs four of
them: its monitor, and our runtime for create, start and delete. So one process imports all that
once and then waits. Each request becomes a forked child that has everything already, mostly one
that was forked and made ready before (``spare.py``): a monitor, which carries out the runtime's
operations itself or forks again for them (``forked_runtime.py``), or one operation alone.

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
from functools import partial

from ocinb import __version__
from ocinb.engine import forked_runtime, shim
from ocinb.engine.frames import LONGEST_REQUEST, MOST_DESCRIPTORS
from ocinb.engine.process_title import set_title
from ocinb.engine.rehearsal import rehearse
from ocinb.engine.spare import FreshStandby, Spare, fork_spare, stand_by
from ocinb.linux.bell import answer
from ocinb.runtime.standby import Standby

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn


_PAUSE = 0.1
"""Seconds that the container which was asked for has the machine to itself, before the next
child is forked and rehearses."""
_WAITING = "(of the next container)"


class Launcher:
    """Serves requests, while there is no spare child that does.

    Args:
        requests: the socket to who started us.
        bell: rung by them at each request.
    """

    def __init__(self, requests: socket.socket, bell: int) -> None:
        # Those that wake at a request may be two, but only one of them gets it.
        requests.setblocking(False)
        self._requests = requests
        self._bell = bell
        self._spare: Spare | None = None
        self._asked = False  # for anything, since that was forked

    def serve(self) -> None:
        """Serve until the socket is closed."""
        self._requests.send(json.dumps({"version": __version__}).encode())
        while True:
            if self._spare is None and not self._called(_PAUSE):
                self._spare = fork_spare(lambda launcher: self._live(self._stand_by, launcher))
                self._asked = False
            self._called(None)
            if self._spare is None or not self._spare.listens:
                answer(self._bell)
                if not self._serve_all():
                    return

    def _called(self, seconds: float | None) -> bool:
        """Wait until there may be something to do; false when the time is over."""
        while True:
            spare, poll = self._spare, select.poll()
            poll.register(self._requests, 0)
            if spare is None or not spare.listens:
                poll.register(self._bell, select.POLLIN)
            if spare is not None:
                poll.register(spare.socket, select.POLLIN)
            ready = dict(poll.poll(None if seconds is None else seconds * 1000))
            if self._requests.fileno() in ready:
                self._dismiss_spare()
            elif spare is not None and spare.socket.fileno() in ready and not self._hear(spare):
                continue
            return bool(ready)

    def _hear(self, spare: Spare) -> bool:
        """Deal with what it says; false where that is nothing to go on with: it was killed before
        it listened. Another might fare no better, so that is forked behind a request only; one
        that came while its child had not let go of its socket yet will do.
        """
        said, listened = spare.hear(), spare.listens
        if said is None:
            self._dismiss_spare()
            return listened or self._asked
        if said:
            self._serve(said, [])
        return True

    def _serve_all(self) -> bool:
        """Serve the requests that are there; false when the socket is closed."""
        while True:
            try:
                received = socket.recv_fds(self._requests, LONGEST_REQUEST, MOST_DESCRIPTORS)
            except BlockingIOError:
                return True
            except ConnectionError:
                return False
            data, descriptors, _, _ = received
            if not data:
                return False
            self._serve(data, descriptors)

    def _serve(self, data: bytes, descriptors: list[int]) -> None:
        self._asked = True
        request = json.loads(data)
        if "learn" in request:
            forked_runtime.learn(request["learn"])
            self._dismiss_spare()  # it does not know
        else:
            self._fork(request, descriptors)
        for number in descriptors:
            os.close(number)

    def _dismiss_spare(self) -> None:
        if self._spare is not None:
            self._spare.dismiss()
            self._spare = None

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        try:
            child = os.fork()
        except OSError as error:
            # Who asked waits at the other end of the first descriptor.
            shim.refuse(descriptors[0], error)
            return
        if child == 0:
            self._dismiss_spare()
            self._live(self._become, request, descriptors)

    def _live(self, life: Callable[..., None], *arguments: Any) -> NoReturn:
        """What a child does: it never returns into our own code."""
        try:
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            life(*arguments)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)

    def _stand_by(self, launcher: socket.socket) -> None:
        set_title("ocinb-monitor", _WAITING)
        standby = FreshStandby(_fork_standby)
        rehearse()

        def renew() -> bool:
            renewed = standby.renew()
            rehearse()  # what the fork has made common again
            return renewed

        taken = stand_by(launcher, self._requests, self._bell, renew)
        if taken is not None:
            self._become(*taken, standby.process)
        standby.end()
        os._exit(0)

    def _become(
        self, request: dict[str, Any], descriptors: list[int], standby: Standby | None = None
    ) -> None:
        self._requests.close()
        os.close(self._bell)
        for number in descriptors:
            # Other runtimes, and with them the container, must not get hold of these.
            os.set_inheritable(number, False)
        if request.pop("become") == "monitor":
            shim.become_monitor(request, descriptors, standby)
        if standby is not None:
            standby.end()
        forked_runtime.become_operation(request, descriptors)


def _fork_standby() -> Standby | None:
    return Standby.fork(_rehearse_container, partial(set_title, "ocinb-runtime", "create"))


def _rehearse_container() -> None:
    set_title("ocinb-runtime", _WAITING)
    rehearse()


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

"""The launcher: a small process that becomes the monitors of containers, by fork.

A Python that starts, imports, and is gone again costs 30 ms and more; a container needs four of
them: its monitor, and our runtime for create, start and delete. So one process imports all that
once and then waits. Each request becomes a forked child that has everything already, mostly one
of those that were forked and made ready before (``spare.py``): a monitor, which carries out the
runtime's operations itself or forks again for them (``forked_runtime.py``), or one operation
alone.

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
import time

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


SPARES = 2
"""Children that wait at most: behind a container another is often asked for at once."""
_PAUSE = 0.04
"""Seconds that the container which was asked for has the machine to itself, before the next
child is forked and rehearses. Those that are asked for meanwhile do not make it longer."""
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
        self._spares: list[Spare] = []
        self._wanted = SPARES
        self._due = 0.0  # when the next of them is forked; 0: there are enough
        self._asked = False  # for anything, since the youngest of them was forked

    def serve(self) -> None:
        """Serve until the socket is closed."""
        self._requests.send(json.dumps({"version": __version__}).encode())
        while True:
            if not self._called(self._pause()):
                self._fork_spare()
            elif self._listener() is None:
                answer(self._bell)
                if not self._serve_all():
                    return

    def _pause(self) -> float | None:
        """Seconds until a spare child is to be forked; None: there are enough."""
        if len(self._spares) >= self._wanted:
            self._due = 0.0
            return None
        now = time.monotonic()
        self._due = self._due or now + _PAUSE
        return max(self._due - now, 0)

    def _listener(self) -> Spare | None:
        """The spare child that serves in our place; one alone, or both would wake each time."""
        ready = [spare for spare in self._spares if spare.ready]
        listener = next((spare for spare in ready if spare.listens), ready[0] if ready else None)
        if listener is not None:
            listener.listen()
        return listener

    def _fork_spare(self) -> None:
        self._due = 0.0
        spare = fork_spare(lambda launcher: self._live(self._stand_by, launcher))
        self._asked = False
        if spare is None:
            self._wanted = len(self._spares)
        else:
            self._spares.append(spare)

    def _called(self, seconds: float | None) -> bool:
        """Wait until there may be something to do; false when the time is over."""
        poll = select.poll()
        poll.register(self._requests, 0)
        if self._listener() is None:
            poll.register(self._bell, select.POLLIN)
        for spare in self._spares:
            poll.register(spare.socket, select.POLLIN)
        ready = {number for number, _ in poll.poll(None if seconds is None else seconds * 1000)}
        if self._requests.fileno() in ready:
            self._dismiss_spares()
        for spare in [*self._spares]:
            # What another said may have parted us with all of them: a closed one has no number.
            if spare.socket.fileno() in ready:
                self._hear(spare)
        return bool(ready)

    def _hear(self, spare: Spare) -> None:
        """Deal with what it says."""
        said = spare.hear()
        if said is None:
            self._spares.remove(spare)
            spare.dismiss()
            if spare.ready:
                self._asked, self._wanted = True, SPARES
            elif not self._asked:
                # It was killed. Another might fare no better: that is forked behind a request only.
                self._wanted = len(self._spares)
        elif said:
            self._serve(said, [])

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
        self._asked, self._wanted = True, SPARES
        request = json.loads(data)
        if "learn" in request:
            forked_runtime.learn(request["learn"])
            self._dismiss_spares()  # they do not know
        else:
            self._fork(request, descriptors)
        for number in descriptors:
            os.close(number)

    def _dismiss_spares(self) -> None:
        while self._spares:
            self._spares.pop().dismiss()

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> None:
        try:
            child = os.fork()
        except OSError as error:
            # Who asked waits at the other end of the first descriptor.
            shim.refuse(descriptors[0], error)
            return
        if child == 0:
            self._dismiss_spares()
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
        self._dismiss_spares()  # the others are the launcher's
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

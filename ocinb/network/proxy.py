"""The process that hands on connections from published ports to a container.

It is forked by the ``createRuntime`` hook, so it needs no start of its own, and ends when the
container's first process does, or when the ``poststop`` hook ends it. One thread, one epoll.
"""

from __future__ import annotations

import os

from ocinb.network.tcp_relay import Connections
from ocinb.network.udp_relay import IDLE, Datagrams
from ocinb.network.waiting_child import fork_waiting
from ocinb.network.watching import READABLE, Watching

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable, Iterable, Sequence

    from ocinb.network.ports import PublishedPort


def spawn(
    sockets: Sequence[_socket.socket],
    ports: Sequence[PublishedPort],
    target: str,
    pid: int,
    enter: Callable[[], None] | None = None,
    keep: Iterable[int] = (),
) -> tuple[int, int]:
    """Fork the process; its number, and a descriptor that it waits for: see ``fork_waiting``.

    The sockets stay open in the caller.

    Args:
        sockets: as ``listen`` opened them for the ports.
        target: the container's address.
        pid: of the container's first process, with which it ends.
        enter: called in the new process, to go to where the address can be reached.
        keep: descriptors that stay open in it.
    """

    def work() -> None:
        _stand_alone({*keep, *(each.fileno() for each in sockets)})
        container = os.pidfd_open(pid)
        if enter is not None:
            enter()
        Proxy(sockets, ports, target, container).run()

    return fork_waiting(work, 0)


def _stand_alone(kept: set[int]) -> None:
    """Keep nothing of the hook's but these descriptors: its caller waits until they are closed."""
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:
                continue  # that of the listing itself


class Proxy:
    """Hands on connections and datagrams until the container ends.

    Args:
        sockets: that listen, one for each port.
        ports: where they lead.
        target: the container's address.
        container: a pidfd of its first process.
    """

    def __init__(
        self,
        sockets: Sequence[_socket.socket],
        ports: Sequence[PublishedPort],
        target: str,
        container: int,
    ) -> None:
        self._ended = False
        self._watching = Watching()
        self._datagrams = []
        self._watching.watch(container, READABLE, self._end)
        for listening, port in zip(sockets, ports, strict=True):
            listening.setblocking(False)
            address = (target, port.port)
            if port.protocol == "udp":
                relay = Datagrams(self._watching, listening, address)
                self._datagrams.append(relay)
                handler = relay.from_client
            else:
                handler = Connections(self._watching, listening, address).accept
            self._watching.watch(listening.fileno(), READABLE, handler)

    def run(self) -> None:
        """Until the container ends."""
        while not self._ended:
            self._watching.turn(IDLE / 2 if self._datagrams else None)
            for relay in self._datagrams:
                relay.forget_idle()

    def _end(self, _events: int) -> None:
        self._ended = True

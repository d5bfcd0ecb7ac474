"""Descriptors that are watched by one thread, each with what is called for its events."""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[int], None]

READABLE, WRITABLE, GONE = select.EPOLLIN, select.EPOLLOUT, select.EPOLLERR | select.EPOLLHUP


class Watching:
    """The descriptors, in one epoll."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._handlers: dict[int, Handler] = {}

    def watch(self, descriptor: int, events: int, handler: Handler) -> None:
        """Call a handler for events of a descriptor."""
        self._handlers[descriptor] = handler
        self._poll.register(descriptor, events)

    def change(self, descriptor: int, events: int) -> None:
        """Ask for other events of a descriptor, if it is still watched."""
        if descriptor in self._handlers:
            self._poll.modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no more; to be called before it is closed."""
        if self._handlers.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def turn(self, seconds: float | None) -> None:
        """Wait for events, and call their handlers; None: as long as it takes."""
        for descriptor, events in self._poll.poll(seconds):
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler(events)

"""The events of a container that may be gone by the time somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from ocinb.event_log import read, understand
from ocinb.events import Event


class PastEvents(Sequence[Event]):
    """The events that a file has now, understood once they are asked for: of a container they are
    hundreds, and few ask.

    Args:
        path: of the file.
        more: events that come behind those.
    """

    def __init__(self, path: str, more: Iterable[Event] = ()) -> None:
        self._data = read(path)
        self._more = tuple(more)
        self._events: tuple[Event, ...] | None = None

    def _all(self) -> tuple[Event, ...]:
        if self._events is None:
            self._events = (*understand(self._data.splitlines()), *self._more)
            self._data = b""
        return self._events

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Event]:
        return iter(self._all())

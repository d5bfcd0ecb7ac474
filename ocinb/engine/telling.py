"""What a monitor tells of its container: events in a file, and a word to engines that read them."""

from __future__ import annotations

from ocinb.engine.frames import NEWS
from ocinb.event_log import EventsReader, append_event
from ocinb.events import StatusChanged, StepFinished

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.engine.loop import Loop
    from ocinb.events import Event


class Telling:
    """Tells what happens to one container.

    Args:
        path: its file of events.
        loop: who is told that there are new ones.

    Attributes:
        container: its id.
        for_runtime: whether steps and states are told as they can be seen from outside, for a
            runtime that does not tell them itself.
        answering: whether an answer follows, so that engines look without a word.
    """

    def __init__(self, path: str, loop: Loop) -> None:
        self._path = path
        self._loop = loop
        self.container = ""
        self.for_runtime = False
        self.answering = False

    def record(self, event: Event) -> None:
        """Tell an event."""
        append_event(self._path, event)
        if not self.answering:
            self._loop.say(NEWS)

    def step(self, number: int, detail: str, seconds: float = 0.0) -> None:
        """A step as it can be seen from outside, for runtimes that do not tell."""
        if self.for_runtime:
            self.finished(number, detail, seconds)

    def finished(self, number: int, detail: str, seconds: float) -> None:
        """A step that the monitor itself has seen."""
        self.record(
            StepFinished(container=self.container, number=number, detail=detail, seconds=seconds)
        )

    def seen(self, status: str, pid: int) -> None:
        """A status as it can be concluded from outside, for runtimes that do not tell."""
        if self.for_runtime:
            self.changed(status, pid)

    def changed(self, status: str, pid: int = 0, exit_status: int = -1) -> None:
        """A status that the monitor itself has seen."""
        self.record(
            StatusChanged(container=self.container, status=status, pid=pid, exit_status=exit_status)
        )

    def program_began(self, otherwise: float) -> float:
        """When step 8 was over the last time, by whoever saw it."""
        for event in reversed(EventsReader(self._path).new(only=StepFinished)):
            if isinstance(event, StepFinished) and event.number == 8:
                return event.time
        return otherwise

"""What happened to a container, from the event stream: the lifecycle's table and the full trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.errors import CommandError
from ocinb.events import (
    Event,
    HookFinished,
    NetworkChanged,
    ProgramTraced,
    RuntimeCalled,
    StatusChanged,
    StepFinished,
    Syscall,
    to_json,
)
from ocinb.spec.lifecycle import CREATED_AFTER, STEPS, Step
from ocinb.spec.runtime_state import CREATED
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LIFECYCLE_COLUMNS = columns(
    "step:int title status started:clock took:duration failure detail? operation? actor? citation?"
)
"""``status`` is the container's once the step is over; a step that was not reached has no
``started``; ``failure`` is what went wrong, or empty."""

TRACE_COLUMNS = columns("time:clock event what took:duration failure detail?")


def of_container(events: Iterable[Event], container: str) -> list[Event]:
    """The events of one container, in the order of their times."""
    own = [event for event in events if getattr(event, "container", None) == container]
    return sorted(own, key=lambda event: event.time)


def lifecycle(events: Iterable[Event], container: str) -> Table:
    """The thirteen steps, as far as they were reached; a step done twice counts the last time.

    Spec: runtime-spec runtime.md#lifecycle
    """
    finished = {e.number: e for e in of_container(events, container) if isinstance(e, StepFinished)}
    rows = []
    status = ""
    for step in STEPS:
        event = finished.get(step.number)
        status = (_status_after(step) or status) if event and not event.error else status
        began = _began(event, finished) if event else None
        rows.append(_lifecycle_row(step, event, status, began))
    return Table(LIFECYCLE_COLUMNS, rows, title=f"lifecycle of {container}")


def trace(events: Iterable[Event], container: str) -> Table:
    """Everything that the recorder heard of a container: steps, system calls, hooks, states."""
    rows = [
        (
            event.time,
            type(event).__name__,
            _what(event),
            getattr(event, "seconds", None),
            _failure(event),
            _detail(event),
        )
        for event in of_container(events, container)
    ]
    return Table(TRACE_COLUMNS, rows, title=f"trace of {container}", key="event")


def step_calls(events: Iterable[Event], container: str, number: int) -> Table:
    """The rows of ``trace`` that happened while a step was carried out, but for the step itself.

    Args:
        number: 1 … 13.

    Raises:
        CommandError: the step was not reached.
    """
    own = of_container(events, container)
    finished = {event.number: event for event in own if isinstance(event, StepFinished)}
    if number not in finished:
        known = ", ".join(map(str, sorted(finished))) or "none"
        raise CommandError(
            f"step {number} of {container} was not reached", hint=f"reached were: {known}"
        )
    step = finished[number]
    begin, end = _began(step, finished), step.time
    within = [
        event
        for event in own
        if not isinstance(event, StepFinished)
        and begin <= event.time - getattr(event, "seconds", 0.0)
        and event.time <= end
    ]
    table = trace(within, container)
    table.title = f"step {number}: {STEPS[number - 1].title}"
    return table


def _status_after(step: Step) -> str:
    return CREATED if step.number == CREATED_AFTER else step.status_after


def _began(event: StepFinished, finished: Mapping[int, StepFinished]) -> float:
    """When a step began.

    The runtime times step 8 from where it lets the container's process go, and that runs the
    hooks of step 7 first.
    """
    began = event.time - event.seconds
    if event.number == 8 and 7 in finished:
        return min(max(began, finished[7].time), event.time)
    return began


def _lifecycle_row(
    step: Step, event: StepFinished | None, status: str, began: float | None
) -> tuple[Any, ...]:
    return (
        step.number,
        step.title,
        status if event else "",
        began,
        event.time - began if event and began is not None else None,
        event.error if event else "",
        event.detail if event else "not reached",
        step.operation,
        step.actor,
        step.citation,
    )


def _what(event: Event) -> str:
    if isinstance(event, StepFinished):
        return f"{event.number} {STEPS[event.number - 1].name}"
    if isinstance(event, Syscall):
        return f"{event.call}({', '.join(event.arguments)})"
    if isinstance(event, ProgramTraced):
        return event.what
    if isinstance(event, HookFinished):
        return f"{event.stage} {event.path}"
    if isinstance(event, NetworkChanged):
        return f"{event.action} {event.kind} {event.name}"
    if isinstance(event, StatusChanged):
        return event.status
    if isinstance(event, RuntimeCalled):
        return " ".join(event.argv)
    values = {name: value for name, value in to_json(event).items() if name not in _KNOWN}
    return " ".join(f"{name}={value}" for name, value in values.items())


def _failure(event: Event) -> str:
    if isinstance(event, Syscall):
        return f"errno {event.errno}" if event.errno else ""
    return str(getattr(event, "error", ""))


def _detail(event: Event) -> str:
    if isinstance(event, Syscall):
        return event.field
    if isinstance(event, StatusChanged) and event.exit_status >= 0:
        return f"exit status {event.exit_status}"
    if isinstance(event, ProgramTraced):
        equals = f"= {event.result}, " if event.result else ""
        return f"{equals}process {event.process}"
    if isinstance(event, HookFinished | RuntimeCalled):
        return f"status {event.status}"
    return str(getattr(event, "detail", ""))


_KNOWN = frozenset({"event", "time", "container"})

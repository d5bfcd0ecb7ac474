"""The lifecycle of a container: thirteen steps, four states, one table.

The runtime executes this table, the docs print it, and the diagram draws it.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

from ocinb.frozen import Frozen
from ocinb.spec.runtime_state import CREATED, CREATING, RUNNING, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ERROR = "error"
WARNING = "warning"
NOTHING = ""


class Step(Frozen):
    """A row of the lifecycle.

    Attributes:
        number: 1 … 13, the specification's.
        name: short name; for hooks the key in config.json's ``hooks``.
        title: one line for people.
        operation: the operation during which it happens: create, start, delete; empty for what
            the container's process does by itself.
        actor: who acts: caller, runtime, container.
        namespace: where it happens: runtime or container.
        failure: ``error`` (generate an error, stop the container, go on at step 12), ``warning``
            (log it and go on), or empty where no failure rule is given.
        status_after: the status once the step is over, or empty where it does not change.
    """

    number: int
    name: str
    title: str
    operation: str
    actor: str
    namespace: str = "runtime"
    failure: str = NOTHING
    status_after: str = ""
    is_hook: bool = False

    @property
    def citation(self) -> str:
        """Where the specification says it."""
        return f"runtime-spec runtime.md#lifecycle step {self.number}"


def _step(number: int, name: str, title: str, operation: str, actor: str, **more: Any) -> Step:
    return Step(number=number, name=name, title=title, operation=operation, actor=actor, **more)


def _hook(
    number: int, name: str, title: str, operation: str, namespace: str, failure: str = ERROR
) -> Step:
    return Step(
        number=number,
        name=name,
        title=title,
        operation=operation,
        actor="runtime",
        namespace=namespace,
        failure=failure,
        is_hook=True,
    )


STEPS = (
    _step(1, "create", "create is called with a bundle and an ID", "create", "caller", status_after=CREATING),
    _step(2, "environment", "the environment of config.json is made", "create", "runtime", failure=ERROR),
    _hook(3, "prestart", "prestart hooks (deprecated)", "create", "runtime"),
    _hook(4, "createRuntime", "createRuntime hooks, before pivot_root", "create", "runtime"),
    _hook(5, "createContainer", "createContainer hooks, before pivot_root", "create", "container"),
    _step(6, "start", "start is called with the ID", "start", "caller"),
    _hook(7, "startContainer", "startContainer hooks, before the program", "start", "container"),
    _step(8, "program", "the user's program is executed", "start", "runtime", namespace="container", failure=ERROR, status_after=RUNNING),
    _hook(9, "poststart", "poststart hooks, after the program started", "start", "runtime"),
    _step(10, "exit", "the container's process exits", "", "container", namespace="container", status_after=STOPPED),
    _step(11, "delete", "delete is called with the ID", "delete", "caller"),
    _step(12, "destroy", "what create made is undone", "delete", "runtime"),
    _hook(13, "poststop", "poststop hooks", "delete", "runtime", failure=WARNING),
)  # fmt: skip
"""Spec: runtime-spec runtime.md#lifecycle"""

HOOKS = tuple(step.name for step in STEPS if step.is_hook)
"""The six kinds of hooks in the order of the lifecycle.

Spec: runtime-spec config.md#posix-platform-hooks
"""

CREATED_AFTER = 5
"""The status becomes ``created`` when create is over: after this step."""

TRANSITIONS = {
    ("", "create"): CREATED,
    (CREATED, "start"): RUNNING,
    (CREATED, "kill"): CREATED,
    (RUNNING, "kill"): RUNNING,
    (STOPPED, "delete"): "",
}
"""(status, operation) → the status when the operation has succeeded; empty: no container.

What is not in the table is an error. ``kill`` sends a signal; if it ends the process, the status
becomes ``stopped`` by step 10, not by the operation.

Spec: runtime-spec runtime.md#operations
"""


def step(number: int) -> Step:
    """The step of that number."""
    return STEPS[number - 1]


def allowed(status: str, operation: str) -> bool:
    """Whether the operation may be called in this status (every status may be queried)."""
    return operation == "state" or (status, operation) in TRANSITIONS

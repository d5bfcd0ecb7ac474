"""The lifecycle table says what runtime-spec runtime.md#lifecycle says."""

from __future__ import annotations

import pytest

from ocinb.spec import lifecycle
from ocinb.spec.runtime_state import State


def test_thirteen_steps_in_order_with_six_kinds_of_hooks() -> None:
    assert [step.number for step in lifecycle.STEPS] == list(range(1, 14))
    assert lifecycle.HOOKS == (
        "prestart",
        "createRuntime",
        "createContainer",
        "startContainer",
        "poststart",
        "poststop",
    )


@pytest.mark.parametrize(
    ("number", "name", "operation", "actor", "namespace", "status_after"),
    [
        (1, "create", "create", "caller", "runtime", "creating"),
        (2, "environment", "create", "runtime", "runtime", ""),
        (3, "prestart", "create", "runtime", "runtime", ""),
        (4, "createRuntime", "create", "runtime", "runtime", ""),
        (5, "createContainer", "create", "runtime", "container", ""),
        (6, "start", "start", "caller", "runtime", ""),
        (7, "startContainer", "start", "runtime", "container", ""),
        (8, "program", "start", "runtime", "container", "running"),
        (9, "poststart", "start", "runtime", "runtime", ""),
        (10, "exit", "", "container", "container", "stopped"),
        (11, "delete", "delete", "caller", "runtime", ""),
        (12, "destroy", "delete", "runtime", "runtime", ""),
        (13, "poststop", "delete", "runtime", "runtime", ""),
    ],
)
def test_who_does_what_where(
    number: int, name: str, operation: str, actor: str, namespace: str, status_after: str
) -> None:
    step = lifecycle.step(number)
    assert (step.number, step.name, step.operation) == (number, name, operation)
    assert (step.actor, step.namespace, step.status_after) == (actor, namespace, status_after)
    assert step.citation == f"runtime-spec runtime.md#lifecycle step {number}"


def test_it_is_created_once_the_last_step_of_create_is_over() -> None:
    last = max(step.number for step in lifecycle.STEPS if step.operation == "create")
    assert last == lifecycle.CREATED_AFTER


def test_what_operations_lead_to() -> None:
    assert lifecycle.TRANSITIONS == {
        ("", "create"): "created",
        ("created", "start"): "running",
        ("created", "kill"): "created",
        ("running", "kill"): "running",
        ("stopped", "delete"): "",
    }


def test_only_a_failing_poststop_hook_is_a_warning() -> None:
    failing = {step.name: step.failure for step in lifecycle.STEPS if step.is_hook}
    assert {name for name, rule in failing.items() if rule == "warning"} == {"poststop"}
    assert {name for name, rule in failing.items() if rule == "error"} == {*lifecycle.HOOKS} - {
        "poststop"
    }


@pytest.mark.parametrize(
    ("status", "operations"),
    [
        ("creating", set()),
        ("created", {"start", "kill"}),
        ("running", {"kill"}),
        ("stopped", {"delete"}),
    ],
)
def test_each_status_allows_just_its_operations(status: str, operations: set[str]) -> None:
    asked = {"create", "start", "kill", "delete"}
    assert {name for name in asked if lifecycle.allowed(status, name)} == operations
    assert lifecycle.allowed(status, "state")


def test_the_state_document_has_the_required_properties() -> None:
    state = State(id="c1", status="running", pid=4422, bundle="/b", annotations={"k": "v"})
    assert state.document() == {
        "ociVersion": "1.3.0",
        "id": "c1",
        "status": "running",
        "pid": 4422,
        "bundle": "/b",
        "annotations": {"k": "v"},
    }

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

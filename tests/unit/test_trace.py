"""The lifecycle's table and the trace, from events."""

from __future__ import annotations

from ocinb.events import HookFinished, StatusChanged, StepFinished, Syscall
from ocinb.spec.lifecycle import STEPS
from ocinb.trace import lifecycle, trace


def finished(number, time, seconds=0.0, **more):
    return StepFinished(container="c", number=number, time=time, seconds=seconds, **more)


def test_all_thirteen_steps_are_rows_whatever_was_reached():
    table = lifecycle([], "c")
    assert table.column("title") == [step.title for step in STEPS]
    assert table.column("started") == [None] * 13
    assert set(table.column("detail")) == {"not reached"}


def test_a_step_began_its_duration_before_it_was_recorded():
    row = lifecycle([finished(2, time=100.5, seconds=0.25)], "c").records()[1]
    assert row["started"] == "1970-01-01T00:01:40.250000Z"
    assert row["took"] == 0.25
    assert row["citation"] == "runtime-spec runtime.md#lifecycle step 2"


def test_the_program_begins_where_the_hooks_before_it_end():
    events = [finished(7, time=12.0, seconds=1.0), finished(8, time=12.5, seconds=2.5)]
    rows = lifecycle(events, "c").records()
    assert rows[6]["started"] == "1970-01-01T00:00:11.000000Z"
    assert (rows[7]["started"], rows[7]["took"]) == ("1970-01-01T00:00:12.000000Z", 0.5)


def test_the_status_follows_the_specification():
    events = [finished(number, time=float(number)) for number in range(1, 14)]
    assert lifecycle(events, "c").column("status") == (
        ["creating"] * 4 + ["created"] * 3 + ["running"] * 2 + ["stopped"] * 4
    )


def test_a_failed_step_says_why_and_does_not_change_the_status():
    events = [finished(1, 1.0), finished(2, 2.0), finished(8, 3.0, error="no such file")]
    row = lifecycle(events, "c").records()[7]
    assert row["failure"] == "no such file"
    assert row["status"] == "creating"


def test_events_of_other_containers_are_left_out():
    other = StepFinished(container="other", number=1)
    assert lifecycle([other], "c").column("started") == [None] * 13
    assert not trace([other], "c").rows


def test_the_trace_tells_every_kind_of_event_in_the_order_of_time():
    events = [
        StatusChanged(container="c", status="stopped", exit_status=3, time=4.0),
        Syscall(
            container="c", call="mount", arguments=("proc", "/proc"), errno=1, field="mounts[0]",
            time=2.0, seconds=0.001,
        ),
        finished(2, 1.0),
        HookFinished(container="c", stage="poststart", path="/h", status=1, seconds=0.1, time=3.0),
    ]  # fmt: skip
    assert [row[1:3] + row[4:] for row in trace(events, "c").rows] == [
        ("StepFinished", "2 environment", "", ""),
        ("Syscall", "mount(proc, /proc)", "errno 1", "mounts[0]"),
        ("HookFinished", "poststart /h", "", "status 1"),
        ("StatusChanged", "stopped", "", "exit status 3"),
    ]

"""Events keep what happened, and survive the way from the runtime's process as JSON."""

from __future__ import annotations

import json

import pytest

from ocinb.events import BlobDone, Event, Mounted, Recorder, Warned, from_json, to_json


def test_a_recorder_keeps_events_in_order_and_tells_subscribers() -> None:
    recorder = Recorder()
    seen: list[Event] = []
    unsubscribe = recorder.subscribe(seen.append)
    recorder(Warned(message="one"))
    unsubscribe()
    recorder(Warned(message="two"))
    assert [event.message for event in recorder.of(Warned)] == ["one", "two"]
    assert seen == recorder.events[:1]
    assert list(recorder.of(BlobDone)) == []


def test_an_event_knows_when_it_was_made() -> None:
    first, second = Warned(message=""), Warned(message="")
    assert 0 < first.time <= second.time


def test_events_survive_json() -> None:
    event = Mounted(target="/m", kind="overlay", layers=("/a", "/b"), options="ro", seconds=0.5)
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


@pytest.mark.parametrize("document", [{}, {"event": "Nonsense"}, {"event": "Warned", "x": 1}])
def test_what_is_not_an_event_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not an event"):
        from_json(document)

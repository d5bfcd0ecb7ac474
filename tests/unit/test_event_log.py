"""Events on disk are read as far as they are whole."""

from __future__ import annotations

from pathlib import Path

from ocinb.event_log import EventsReader, append_event
from ocinb.events import Mounted, StepFinished


def test_a_reader_is_told_each_event_once(tmp_path: Path) -> None:
    path = str(tmp_path / "events")
    reader = EventsReader(path)
    assert reader.new() == []
    first = StepFinished(container="c", number=1)
    append_event(path, first)
    assert reader.new() == [first]
    second = Mounted(target="/t", kind="copy", layers=("a", "b"), options="", seconds=0.5)
    append_event(path, second)
    assert reader.new() == [second]
    assert reader.new() == []


def test_half_a_line_waits_and_nonsense_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events"
    event = StepFinished(container="c", number=2)
    append_event(str(path), event)
    line = path.read_bytes()
    path.write_bytes(b'not json\n{"event": "OfTheFuture"}\n' + line[:10])
    reader = EventsReader(str(path))
    assert reader.new() == []
    with path.open("ab") as file:
        file.write(line[10:])
    assert reader.new() == [event]


def test_events_that_cannot_be_kept_are_lost_without_harm(tmp_path: Path) -> None:
    append_event(str(tmp_path / "no/such/directory"), StepFinished(container="c", number=1))


def test_a_file_that_is_gone_with_its_container_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "events"
    append_event(str(path), StepFinished(container="c", number=1), create=False)
    assert not path.exists()
    append_event("", StepFinished(container="c", number=1))  # no file was given at all

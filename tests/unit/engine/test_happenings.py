"""The file of what became of containers: whole lines, a limit, and whoever follows."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ocinb.engine import happenings
from ocinb.engine.container_files import ContainerFiles, write_json
from ocinb.engine.happenings import FILE, Happenings, note


@pytest.fixture
def files(tmp_path: Path) -> ContainerFiles:
    files = ContainerFiles(str(tmp_path / "0123456789ab"))
    Path(files.directory).mkdir()
    write_json(files.record, {"id": "0123456789ab", "name": "web", "image": "demo"})
    return files


def test_what_is_noted_is_read_in_order(files: ContainerFiles, tmp_path: Path) -> None:
    note(files, "start")
    note(files, "die", exit_status=3)
    past = Happenings(tmp_path).past()
    assert [(e.action, e.name, e.exit_status) for e in past] == [
        ("start", "web", -1),
        ("die", "web", 3),
    ]


def test_a_container_without_a_record_does_nothing(tmp_path: Path) -> None:
    note(ContainerFiles(str(tmp_path / "gone")), "start")
    assert Happenings(tmp_path).past() == []


def test_a_line_that_is_not_whole_is_passed_over(files: ContainerFiles, tmp_path: Path) -> None:
    note(files, "start")
    with (tmp_path / FILE).open("a") as file:
        file.write('not JSON\n{"event": "Later", "x": 1}\n{"event": "Happ')
    assert [event.action for event in Happenings(tmp_path).past()] == ["start"]


def test_a_file_that_is_full_is_followed_by_another(
    files: ContainerFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happenings, "MOST", 1000)
    for number in range(9):
        note(files, "exec", detail=str(number))
    kept = [event.detail for event in Happenings(tmp_path).past()]
    assert kept == [str(number) for number in range(9 - len(kept), 9)]
    assert len(kept) >= 4
    assert (tmp_path / f"{FILE}.1").stat().st_size < 1400


def test_whoever_follows_misses_nothing_when_another_file_is_begun(
    files: ContainerFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happenings, "MOST", 100_000)
    note(files, "create")
    done = threading.Event()

    def write() -> None:
        for number in range(600):
            note(files, "exec", detail=str(number))
        done.set()

    writer = threading.Thread(target=write)
    followed = Happenings(tmp_path).follow(done.is_set)
    started = False
    seen = []
    while True:
        if not started:
            writer.start()
            started = True
        try:
            seen.append(next(followed).detail)
        except StopIteration:
            break
    writer.join()
    # It began with the first look, which is at the moment of the first next().
    assert seen == [str(number) for number in range(int(seen[0]), 600)]

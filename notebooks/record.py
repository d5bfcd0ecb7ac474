"""Records what lessons show on this machine: ``python notebooks/record.py [NUMBER …]``.

Run by the superuser of a machine on which every cell is live. Recordings whose cell has not
changed stay as they are; ``--anew`` makes them all again. Those of cells that are gone go.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from ocinb.course import recording, shelf
from ocinb.errors import StorageError


def stale(lesson: shelf.Lesson) -> list[str]:
    """Names of the cells whose recording is missing, or of another cell."""
    found = []
    for cell in lesson.live_cells():
        try:
            kept = recording.read(lesson.recording(cell.name))
        except StorageError:
            found.append(cell.name)
        else:
            if kept.cell != recording.digest(cell.body):
                found.append(cell.name)
    return found


def record(lesson: shelf.Lesson, names: list[str]) -> None:
    """Run a lesson, and keep the recordings of these cells."""
    notebook = nbformat.read(lesson.path("en"), as_version=4)
    with tempfile.TemporaryDirectory() as place:
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": place}}).execute(
            env=os.environ | {recording.VARIABLE: place}
        )
        for name in names:
            target = lesson.recording(name)
            made = Path(place, lesson.number, target.name)
            if not made.exists():
                raise SystemExit(f"{lesson.number} {name} is not live on this machine: see needs")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(made.read_bytes())
            print(target.relative_to(shelf.shelf().parent))


def main(words: list[str]) -> None:
    """Record what is asked for."""
    anew = "--anew" in words
    numbers = [word.zfill(2) for word in words if word != "--anew"]
    for lesson in shelf.lessons():
        if numbers and lesson.number not in numbers:
            continue
        cells = [cell.name for cell in lesson.live_cells()]
        names = cells if anew else stale(lesson)
        if names:
            record(lesson, names)
        directory = lesson.recording("any").parent
        for path in directory.glob("*.json"):
            if path.stem not in cells:
                path.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])

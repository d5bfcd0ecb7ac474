"""What a reader has done of the course, in one file that outlives the lessons."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ocinb.course.exercise import Exercise
from ocinb.private_directory import private_directory
from ocinb.whole_file import write_whole

VARIABLE = "OCINB_PROGRESS"
"""Names the file, if it is not where images are kept."""


class Progress:
    """The record of one reader.

    Args:
        path: the file; one that is missing or is no record of ours counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def beside(cls, root: Path) -> Progress:
        """That of this user.

        Args:
            root: where images are kept when no lesson is on.
        """
        return cls(Path(os.environ.get(VARIABLE) or root / "course.json"))

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def of(self, exercise: Exercise) -> dict[str, Any]:
        """Of one exercise: ``tries`` and ``hints`` (numbers), ``passed`` (seconds since the epoch,
        or None), ``shown`` (whether the solution was asked for).
        """
        found = self._read().get(exercise.name)
        empty: dict[str, Any] = {"tries": 0, "hints": 0, "passed": None, "shown": False}
        known = found if isinstance(found, dict) else {}
        return empty | {k: v for k, v in known.items() if k in empty}

    def tried(self, exercise: Exercise, *, passed: bool) -> None:
        """An answer was given. One that was right once stays passed."""
        record = self.of(exercise)
        record["tries"] += 1
        if passed and record["passed"] is None:
            record["passed"] = time.time()
        self._write(exercise, record)

    def helped(self, exercise: Exercise, *, hints: int = 0, shown: bool = False) -> None:
        """Hints were given, so many by now; or the solution was."""
        record = self.of(exercise)
        record["hints"] = max(record["hints"], hints)
        record["shown"] = record["shown"] or shown
        self._write(exercise, record)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        exercises = found.get("exercises") if isinstance(found, dict) else None
        return exercises if isinstance(exercises, dict) else {}

    def _write(self, exercise: Exercise, record: dict[str, Any]) -> None:
        private_directory(self._path.parent)
        exercises = self._read() | {exercise.name: record}
        write_whole(self._path, json.dumps({"exercises": exercises}, indent=1, sort_keys=True))

"""Every lesson runs to its end wherever a reader may sit, and its exercises can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.course import shelf
from ocinb.course.exercises import find
from tests.support.course import CHECK, EXPECTED, live, recorded, run, shown
from tests.support.peers import require, require_system_python

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(300)]

LESSONS = {lesson.number: lesson for lesson in shelf.lessons()}


@pytest.fixture(params=LESSONS)
def lesson(request):
    require_system_python()
    return LESSONS[request.param]


def run_to_the_end(path: Path, situation: str):
    notebook = run(path, situation)
    impossible = False
    for cell in notebook.cells:
        expected = cell.metadata.get(EXPECTED)
        if not expected and "raises-exception" in cell.metadata.get("tags", []):
            assert [o for o in cell.outputs if o.output_type == "error"], cell.source
        if expected:
            exercise = find(CHECK.search(cell.source)[1])
            text = shown(cell)
            if expected == "shipped":
                says_so = "cannot be done here" in text or "做不了" in text
                impossible = bool(exercise.needs) and says_so
            right = f"✓ {exercise.name}" in text
            assert right == (expected == "right" and not impossible), f"{cell.source}\n{text}"
    return notebook


def test_the_superuser_sees_all_of_it_live(lesson):
    assert recorded(run_to_the_end(lesson.path("en"), "root")) == []


def test_an_ordinary_user_reads_it_to_the_end(lesson):
    seen = set(recorded(run_to_the_end(lesson.path("en"), "user")))
    cells = lesson.live_cells()
    assert seen >= {cell.name for cell in cells if not live(cell, "user")}
    assert seen.isdisjoint(cell.name for cell in cells if set(cell.needs) <= {"namespaces"})


def test_in_a_locked_down_pod_what_cannot_run_is_shown_as_recorded(lesson):
    require("proot")
    notebook = run_to_the_end(lesson.path("en"), "pod")
    assert recorded(notebook) == [c.name for c in lesson.live_cells() if not live(c, "pod")]


def test_the_chinese_reader_reads_it_to_the_end(lesson):
    notebook = run_to_the_end(lesson.path("zh"), "user")
    solved = [shown(c) for c in notebook.cells if c.metadata.get(EXPECTED) == "right"]
    assert all("正确" in text or "做不了" in text for text in solved)

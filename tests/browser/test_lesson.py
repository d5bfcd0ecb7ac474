"""A reader takes a lesson in JupyterLab: a wrong answer earns a hint, a right one its mark."""

from __future__ import annotations

import json

import pytest

from ocinb.course import shelf
from ocinb.course.exercises import find

pytestmark = [pytest.mark.peer, pytest.mark.slow]

EXERCISE = find("04-diffid")


def test_an_exercise_is_answered_and_the_board_shows_it(notebook_page, jupyter_lab, pictures):
    lesson = shelf.find("04")
    path, _ = shelf.copy(lesson, jupyter_lab.work, "en", reset=False)
    cells = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
    number = next(n for n, c in enumerate(cells) if EXERCISE.name in c["source"][0])
    notebook_page.open(path)
    notebook_page.run(0)
    assert "✗ 04-diffid" in notebook_page.run(number).inner_text()

    notebook_page.type(number, EXERCISE.cell(EXERCISE.wrong[0]))
    told = notebook_page.run(number).inner_text()
    assert "Hint 1 of 2" in told
    notebook_page.type(number, EXERCISE.cell(EXERCISE.solution))
    output = notebook_page.run(number)
    assert "✓ 04-diffid: right." in output.inner_text()
    output.scroll_into_view_if_needed()
    notebook_page.page.screenshot(path=pictures / "lesson.png")

    notebook_page.type(0, "%oci check")
    board = notebook_page.run(0).inner_text()
    assert "●○○" in board
    notebook_page.type(0, "%oci lesson end")
    assert "its room is gone" in notebook_page.run(0).inner_text()

"""The notebooks are made from one source, and the exercises and recordings belong to them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from ocinb.course import recording, shelf
from ocinb.course.exercises import exercises
from ocinb.course.needs import NEEDS, PROGRAM
from tests.support.course import CHECK

ROOT = Path(__file__).parents[2]
ANCHORS = json.loads((ROOT / "tests/support/spec_anchors.json").read_text())
LONGEST_CELL = 15


def program(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "notebooks" / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


build = program("build")
SOURCES = {source.stem: source for source in build.SOURCES}
EXERCISES = {exercise.name: exercise for exercise in exercises()}


@pytest.fixture(params=SOURCES)
def source(request):
    return SOURCES[request.param]


def cells(path, kind):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [c for c in found if c["cell_type"] == kind]


@pytest.mark.parametrize("language", build.LANGUAGES)
def test_the_notebooks_are_what_their_source_says(source, language):
    made = build.notebook(source, language)
    path = build.target(source, language)
    assert path.read_text(encoding="utf-8") == made, "run: python notebooks/build.py"


def test_no_notebook_is_without_a_source():
    notebooks = {*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "notebooks/zh").glob("*.ipynb")}
    assert notebooks == {build.target(s, each) for s in build.SOURCES for each in build.LANGUAGES}


def test_both_languages_have_the_very_same_code(source):
    english, chinese = (cells(build.target(source, each), "code") for each in build.LANGUAGES)
    assert english == chinese


def test_both_languages_have_all_the_text(source):
    english, chinese = (cells(build.target(source, each), "markdown") for each in build.LANGUAGES)
    assert [cell["id"] for cell in english] == [cell["id"] for cell in chinese]
    for cell in chinese:
        assert any("\u4e00" <= sign <= "\u9fff" for sign in "".join(cell["source"]))


@pytest.mark.parametrize("language", build.LANGUAGES)
def test_a_cell_is_one_idea(source, language):
    for kind in ("code", "markdown"):
        for cell in cells(build.target(source, language), kind):
            assert len(cell["source"]) <= LONGEST_CELL, "".join(cell["source"])


def test_the_sections_that_a_lesson_names_exist(source):
    for spec, file, anchor in build.links(source):
        assert f"{spec} {file}" in ANCHORS
        assert not anchor or anchor in ANCHORS[f"{spec} {file}"], f"{spec} {file}#{anchor}"


def test_the_exercises_of_a_lesson_are_in_its_notebook(source):
    said = [
        CHECK.search("".join(cell["source"])) for cell in cells(build.target(source, "en"), "code")
    ]
    assert [found[1] for found in said if found] == [e.name for e in exercises(source.name[:2])]


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_helps_in_steps_and_knows_wrong_answers(name):
    exercise = EXERCISES[name]
    assert len(exercise.hints) >= 2
    assert len(set(exercise.wrong)) >= 2
    for text in (exercise.task, *exercise.hints):
        assert text.en
        assert any("\u4e00" <= sign <= "\u9fff" for sign in text.zh)
    for text in (exercise.solution, *exercise.wrong):
        assert name in exercise.cell(text)
        assert len(exercise.cell(text).splitlines()) <= LONGEST_CELL
    assert all(need in NEEDS or need.startswith(PROGRAM) for need in exercise.needs)


@pytest.mark.parametrize("lesson", shelf.lessons(), ids=lambda lesson: lesson.number)
def test_what_is_shown_as_recorded_is_a_recording_of_that_very_cell(lesson):
    kept = {path.stem for path in lesson.recording("any").parent.glob("*.json")}
    assert kept == {cell.name for cell in lesson.live_cells()}, "run: python notebooks/record.py"
    for cell in lesson.live_cells():
        assert all(need in NEEDS or need.startswith(PROGRAM) for need in cell.needs)
        assert cell.needs
        found = recording.read(lesson.recording(cell.name))
        assert found.cell == recording.digest(cell.body), "run: python notebooks/record.py"
        assert found.parts
        assert "as the superuser" in found.machine

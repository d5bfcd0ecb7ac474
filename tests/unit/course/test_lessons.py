"""Lessons are listed, copied, never overwritten; a reader's progress is kept."""

from __future__ import annotations

import os

import pytest

from ocinb.course import shelf
from ocinb.course.examine import examine
from ocinb.course.exercise import Exercise, Scene
from ocinb.course.exercises import find
from ocinb.course.progress import Progress
from ocinb.course.words import language, unlike, words
from ocinb.errors import CommandError
from tests.support.door import Door


@pytest.fixture
def door(tmp_path, monkeypatch):
    monkeypatch.delenv("OCINB_PROGRESS", raising=False)
    return Door(tmp_path)


def test_the_lessons_are_listed_in_both_languages(door):
    english = door("lesson").records()
    chinese = door("lesson", "list", "--lang", "zh").records()
    assert [row["lesson"] for row in english] == [row["lesson"] for row in chinese]
    assert english[0]["title"] == "From a name to a process"
    assert chinese[0]["title"] == "从一个名字到一个进程"
    assert all(15 <= row["minutes"] <= 30 for row in english)


def test_a_copy_is_the_readers_and_is_not_overwritten(door, tmp_path):
    path = door("lesson", "4", tmp_path / "mine").subject
    assert path == str(tmp_path / "mine/04-layers.ipynb")
    fresh = shelf.find("04").path("en").read_bytes()
    with open(path, "rb") as file:
        assert file.read() == fresh
    assert "there already" in door("lesson", "open", "04", tmp_path / "mine").message
    with open(path, "w", encoding="utf-8") as file:
        file.write("my work")
    with pytest.raises(CommandError, match="has been worked on") as refused:
        door("lesson", "04", tmp_path / "mine")
    assert "--reset" in refused.value.hint


def test_a_reset_keeps_what_was_there(door, tmp_path):
    mine = tmp_path / "04-layers.ipynb"
    mine.write_text("my work")
    said = door("lesson", "open", "--reset", "04-layers", tmp_path).message
    (kept,) = tmp_path.glob("04-layers.*.ipynb")
    assert kept.read_text() == "my work"
    assert kept.name in said
    assert mine.read_bytes() == shelf.find("04").path("en").read_bytes()


def test_the_chinese_copy_lies_in_a_directory_that_tells_its_kernel_so(door, tmp_path, monkeypatch):
    path = door("lesson", "04", tmp_path, "--lang", "zh").subject
    assert path == str(tmp_path / "zh/04-layers.ipynb")
    monkeypatch.delenv("OCINB_LANGUAGE", raising=False)
    monkeypatch.setattr(os, "getcwd", lambda: str(tmp_path / "zh"))
    assert language() == "zh"
    monkeypatch.setenv("OCINB_LANGUAGE", "en_GB.UTF-8")
    assert language() == "en"


def test_what_is_no_lesson_is_told(door):
    with pytest.raises(CommandError, match="there is no lesson '99'") as refused:
        door("lesson", "99")
    assert "00, " in refused.value.hint
    with pytest.raises(CommandError, match="begins in its notebook"):
        door("lesson", "begin", "04")
    with pytest.raises(CommandError, match="no lesson is on"):
        door("lesson", "end")


def scene(answer, tmp_path):
    return Scene(answer=answer, names={}, engine=None, room=tmp_path, image="")


def even(scene):
    return None if scene.answer % 2 == 0 else words("it is odd", "是奇数")


EVEN = Exercise(
    name="99-even",
    task=words("Give an even number.", "给出一个偶数。"),
    check=even,
    hints=(words("not 1", "不是 1"), words("2 is one", "2 就是")),
    solution="2",
    wrong=("1", "3"),
)


def test_hints_come_in_steps_and_tries_are_counted(tmp_path):
    progress = Progress(tmp_path / "made/course.json")
    said = [examine(EVEN, scene(answer, tmp_path), progress, "en") for answer in (1, 3, 5)]
    assert [verdict.passed for verdict in said] == [False] * 3
    assert "it is odd\nHint 1 of 2: not 1\n`%oci check 99-even --hint`" in said[0]
    assert "Hint 2 of 2: 2 is one\n`%oci check 99-even --solution`" in said[1]
    assert "Hint 2 of 2" in said[2]
    assert examine(EVEN, scene(2, tmp_path), progress, "zh") == "✓ 99-even: 正确。"
    record = Progress(progress.path).of(EVEN)
    assert (record["tries"], record["hints"], record["shown"]) == (4, 2, False)
    assert record["passed"] is not None


def test_what_was_solved_once_stays_solved(tmp_path):
    progress = Progress(tmp_path / "course.json")
    examine(EVEN, scene(2, tmp_path), progress, "en")
    examine(EVEN, scene(3, tmp_path), progress, "en")
    assert progress.of(EVEN)["passed"] is not None


def test_no_answer_is_no_try_and_a_failing_one_is_the_readers_error(tmp_path):
    progress = Progress(tmp_path / "course.json")
    assert "no answer yet" in examine(EVEN, scene(..., tmp_path), progress, "en")
    assert progress.of(EVEN)["tries"] == 0
    assert "it raises TypeError: not all" in examine(EVEN, scene("a", tmp_path), progress, "en")


def test_a_function_is_asked_for_by_its_name_and_dots_are_no_try(tmp_path):
    def double(number): ...

    def forgotten(number):
        number * 2

    exercise = Exercise(
        **{
            **dict(EVEN),
            "function": "double",
            "check": lambda _: unlike("double(2)", 4, None),
        }
    )
    progress = Progress(tmp_path / "course.json")
    said = [examine(exercise, scene(one, tmp_path), progress, "en") for one in (double, 4)]
    assert "no answer yet: double does nothing so far" in said[0]
    assert "the last line must define double, or name a function" in said[1]
    assert progress.of(exercise)["tries"] == 1
    told = examine(exercise, scene(forgotten, tmp_path), progress, "zh")
    assert "double(2) 应为 4，得到的却是 None" in told


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"exercises": 3}', '{"exercises": {"99-even": 1}}']
)
def test_a_file_that_is_no_record_of_ours_counts_as_empty(tmp_path, text):
    path = tmp_path / "course.json"
    path.write_text(text)
    progress = Progress(path)
    assert progress.of(EVEN)["tries"] == 0
    progress.tried(EVEN, passed=True)
    assert progress.of(EVEN)["tries"] == 1


def test_the_board_and_the_list_of_a_lesson(door):
    exercise = find("04-chain")
    Progress(door.session.settings.root / "course.json").tried(exercise, passed=True)
    (row,) = [row for row in door("check").records() if row["lesson"] == "04"]
    assert (row["exercises"], row["passed"], row["of"]) == ("○●○", 1, 3)
    listed = door("check", "4").records()
    assert [row["tries"] for row in listed] == [0, 1, 0]
    assert listed[1]["passed"] is not None


def test_a_solution_is_shown_when_it_is_asked_for_and_the_board_knows(door):
    text = door("check", "04-chain", "--solution")
    assert text.startswith("%%oci check 04-chain\n")
    progress = Progress(door.session.settings.root / "course.json")
    assert progress.of(find("04-chain"))["shown"]
    assert "Hint 1 of 2" in door("check", "04-chain", "--hint")
    assert "Hint 2 of 2" in door("check", "04-chain", "--hint")


def test_what_is_no_exercise_is_told(door):
    with pytest.raises(CommandError, match="there is no exercise '04-nothing'") as refused:
        door("check", "04-nothing")
    assert "04-diffid, 04-chain" in refused.value.hint
    with pytest.raises(CommandError, match="belongs to lesson 04, which is not on"):
        door("check", "04-chain", "1")

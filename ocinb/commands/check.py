"""``check``: an exercise of the course, and the board."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import CellCommand, cell_script
from ocinb.commands.values import Text
from ocinb.course.words import words
from ocinb.errors import CommandError
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.course.exercise import Exercise

BOARD_COLUMNS = columns("lesson title exercises passed:int of:int")
"""``exercises``: a mark for each: ● passed, ◐ tried, ○ not yet."""
EXERCISE_COLUMNS = columns("exercise task passed:time tries:int hints:int")

_NOT_HERE = words("it cannot be done here: {why}.", "在这里做不了：{why}。")


@click.command(cls=CellCommand)
@click.argument("exercise", required=False)
@click.argument("answer", required=False)
@click.option("--hint", is_flag=True, help="Another hint, without a try.")
@click.option("--solution", is_flag=True, help="A solution.")
@click.option("--lang", "language", type=click.Choice(["en", "zh"]), help="English or Chinese.")
@listing
@click.pass_context
def command(
    context: click.Context,
    exercise: str | None,
    answer: str | None,
    hint: bool,
    solution: bool,
    language: str | None,
) -> Any:
    """Check an answer to an exercise of the course.

    EXERCISE is one of them, as 04-chain, or a lesson, whose exercises are listed; without it, the
    board. The answer is the value of the last line of a %%oci cell, or the word ANSWER. Where an
    exercise asks for something to be done, it is looked at.
    """
    from ocinb.course.exercises import find
    from ocinb.course.progress import Progress
    from ocinb.course.words import language as spoken

    session: Session = context.obj
    language = language or spoken()
    progress = Progress.beside(session.settings.root)
    if exercise is None:
        return _board(progress, language)
    if exercise.isdigit():
        return _listed(exercise.zfill(2), progress, language)
    found = find(exercise)
    if solution:
        progress.helped(found, shown=True)
        return Text(found.cell(found.solution))
    if hint:
        from ocinb.course.examine import hint as next_hint

        return Text(next_hint(found, progress, language))
    return _examined(session, found, answer, cell_script(context), language)


def _examined(
    session: Session, exercise: Exercise, answer: str | None, cell: str | None, language: str
) -> Any:
    from ocinb.course.examine import examine, raised
    from ocinb.course.exercise import Scene, Verdict
    from ocinb.course.needs import missing
    from ocinb.course.progress import Progress

    room = session.room
    if room is None or room.lesson.number != exercise.lesson:
        raise CommandError(
            f"{exercise.name} belongs to lesson {exercise.lesson}, which is not on",
            hint=f"run the first cell of the lesson: lesson = %oci lesson begin {exercise.lesson}",
        )
    why = missing(exercise.needs, session.engine)
    if why:
        return Verdict.of(exercise, False, _NOT_HERE[language].format(why=why))
    try:
        value = _value(session, answer, cell)
    except Exception as error:
        return Verdict.of(exercise, False, raised(error)[language])
    scene = Scene(
        answer=value,
        names=session.reader.names() if session.reader else {},
        engine=session.engine,
        room=room.directory,
        image=room.image,
    )
    return examine(exercise, scene, Progress.beside(session.settings.root), language)


def _value(session: Session, answer: str | None, cell: str | None) -> Any:
    if cell is not None:
        assert session.reader is not None  # there are cells in notebooks only
        return session.reader.value(cell)
    if answer is None:
        return None
    try:
        return ast.literal_eval(answer)
    except (ValueError, SyntaxError):
        return answer


def _board(progress: Any, language: str) -> Table:
    from ocinb.course.exercises import exercises
    from ocinb.course.shelf import lessons

    rows = []
    for lesson in lessons():
        records = [progress.of(exercise) for exercise in exercises(lesson.number)]
        marks = "".join("●" if r["passed"] else "◐" if r["tries"] else "○" for r in records)
        passed = sum(record["passed"] is not None for record in records)
        rows.append((lesson.number, lesson.title[language], marks, passed, len(records)))
    return Table(BOARD_COLUMNS, rows, title="exercises of the course")


def _listed(lesson: str, progress: Any, language: str) -> Table:
    from ocinb.course.exercises import exercises
    from ocinb.course.shelf import find

    found = find(lesson)
    rows = []
    for exercise in exercises(found.number):
        record = progress.of(exercise)
        rows.append(
            (
                exercise.name,
                exercise.task[language],
                record["passed"],
                record["tries"],
                record["hints"],
            )
        )
    return Table(EXERCISE_COLUMNS, rows, title=found.title[language], wrap=True)

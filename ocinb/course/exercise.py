"""An exercise: what it asks, how it looks at an answer, and how it helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.course.words import Words
from ocinb.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ocinb.engine.engine import Engine


class Scene(Frozen):
    """What a check may look at.

    Attributes:
        answer: the value of the reader's cell, or of the word behind the exercise's name; None
            where the exercise looks at the state alone.
        names: the variables of the reader's notebook.
        engine: images and containers as they are at this moment.
        room: the directory of the lesson.
        image: name of the demo image in the lesson's registry.
    """

    answer: Any
    names: Mapping[str, Any]
    engine: Engine
    room: Path
    image: str


class Exercise(Frozen):
    """One exercise of a lesson.

    Attributes:
        name: as in ``04-chain``; the first two digits are its lesson.
        task: what to do, in one sentence.
        check: says what is wrong, None where all is right. What it raises is told to the reader
            as the reader's own error, so it must itself be ready for any answer.
        hints: the first one for who has not got it yet, the next ones say more.
        solution: the whole cell that solves it; without ``%oci check`` the line
            ``%%oci check NAME`` is put on it.
        wrong: such cells whose answers are to be refused, at least two.
        function: what the function is called that is asked for; the answer is one, then.
        answered: whether an answer is given; else the state of things is looked at.
        needs: what must be permitted here, as in ``needs.NEEDS``.
    """

    name: str
    task: Words
    check: Callable[[Scene], Words | None]
    hints: tuple[Words, ...]
    solution: str
    wrong: tuple[str, ...]
    function: str = ""
    answered: bool = True
    needs: tuple[str, ...] = ()

    @property
    def lesson(self) -> str:
        """Number of its lesson, two digits."""
        return self.name[:2]

    def cell(self, text: str) -> str:
        """A whole cell of an answer in ``solution`` or ``wrong``."""
        text = text.strip("\n")
        return text if "%oci check" in text else f"%%oci check {self.name}\n{text}"


class Verdict(str):
    """What a check says to the reader; a text.

    Attributes:
        exercise: its name.
        passed: whether it is solved.
    """

    exercise: str
    passed: bool

    @classmethod
    def of(cls, exercise: Exercise, passed: bool, said: str) -> Verdict:
        """The text with its marks."""
        verdict = cls(f"{'✓' if passed else '✗'} {exercise.name}: {said}")
        verdict.exercise = exercise.name
        verdict.passed = passed
        return verdict

    @property
    def exit_status(self) -> int:
        """What a shell is told."""
        return 0 if self.passed else 1

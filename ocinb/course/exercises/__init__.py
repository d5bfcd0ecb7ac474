"""The exercises, a module for each lesson."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.course.exercise import Exercise


def exercises(lesson: str = "") -> list[Exercise]:
    """Those of a lesson, in order, or all.

    Args:
        lesson: its number, two digits.
    """
    found: list[Exercise] = []
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if module.removeprefix("lesson_") == (lesson or module.removeprefix("lesson_")):
            found += importlib.import_module(f"{__name__}.{module}").EXERCISES
    return found


def find(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        CommandError: there is none.
    """
    known = exercises(name[:2])
    for exercise in known:
        if exercise.name == name:
            return exercise
    there = ", ".join(exercise.name for exercise in known)
    raise CommandError(
        f"there is no exercise {name!r}",
        hint=f"lesson {name[:2]} has {there}" if known else "ocinb check lists them",
    )

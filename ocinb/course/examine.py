"""An answer is looked at, and the reader is told: right, or what is wrong and a hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise, Scene, Verdict
from ocinb.course.words import Words, words
from ocinb.errors import OcinbError

if TYPE_CHECKING:
    from ocinb.course.progress import Progress

_RIGHT = words("right.", "正确。")
_HINT = words("Hint {n} of {all}", "提示 {n}/{all}")
_FURTHER = words(
    "`%oci check {name} --solution` shows a solution.",
    "`%oci check {name} --solution` 会给出一份参考答案。",
)
_MORE = words("`%oci check {name} --hint` says more.", "`%oci check {name} --hint` 会再多说一点。")
_NO_ANSWER = words(
    "no answer yet. Write it below the line `%%oci check {name}`, its value in the last line.",
    "还没有答案。请写在 `%%oci check {name}` 这一行下面，最后一行是它的值。",
)
_RAISED = words("it raises {error}", "它抛出了 {error}")


def examine(exercise: Exercise, scene: Scene, progress: Progress, language: str) -> Verdict:
    """Check, count the try, and help in steps: each wrong answer earns one hint more."""
    if exercise.answered and scene.answer in (None, Ellipsis):
        return Verdict.of(exercise, False, _NO_ANSWER[language].format(name=exercise.name))
    try:
        fault = exercise.check(scene)
    except OcinbError as error:
        fault = words(error.message, error.message)
    except Exception as error:  # the reader's code may do anything
        fault = raised(error)
    progress.tried(exercise, passed=fault is None)
    if fault is None:
        return Verdict.of(exercise, True, _RIGHT[language])
    text = f"{fault[language]}\n{hint(exercise, progress, language)}"
    return Verdict.of(exercise, False, text)


def raised(error: BaseException) -> Words:
    """What is said of an answer that fails with an error of its own."""
    told = f"{type(error).__name__}: {error}"
    return Words(en=_RAISED.en.format(error=told), zh=_RAISED.zh.format(error=told))


def hint(exercise: Exercise, progress: Progress, language: str) -> str:
    """The next hint, with what can be asked for after it."""
    given = min(progress.of(exercise)["hints"] + 1, len(exercise.hints))
    progress.helped(exercise, hints=given)
    head = _HINT[language].format(n=given, all=len(exercise.hints))
    more = _FURTHER if given == len(exercise.hints) else _MORE
    return f"{head}: {exercise.hints[given - 1][language]}\n" + more[language].format(
        name=exercise.name
    )

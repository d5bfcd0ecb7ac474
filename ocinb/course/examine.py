"""An answer is looked at, and the reader is told: right, or what is wrong and a hint."""

from __future__ import annotations

from types import CodeType
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
_EMPTY = words(
    "no answer yet: {function} does nothing so far. Write it in place of the dots.",
    "还没有答案：{function} 还什么都没做。请把省略号换成你的代码。",
)
_NO_FUNCTION = words(
    "the last line must define {function}, or name a function",
    "最后一行应当定义 {function}，或给出一个函数",
)
_RAISED = words("it raises {error}", "它抛出了 {error}")


def examine(exercise: Exercise, scene: Scene, progress: Progress, language: str) -> Verdict:
    """Check, count the try, and help in steps: each wrong answer earns one hint more."""
    if exercise.answered and _is_nothing(scene.answer):
        return Verdict.of(exercise, False, _NO_ANSWER[language].format(name=exercise.name))
    if exercise.function and _is_empty(scene.answer):
        return Verdict.of(exercise, False, _EMPTY[language].format(function=exercise.function))
    fault = _fault(exercise, scene)
    progress.tried(exercise, passed=fault is None)
    if fault is None:
        return Verdict.of(exercise, True, _RIGHT[language])
    text = f"{fault[language]}\n{hint(exercise, progress, language)}"
    return Verdict.of(exercise, False, text)


def _is_nothing(answer: object) -> bool:
    return answer is None or answer is Ellipsis


def _is_empty(answer: object) -> bool:
    """Whether it is a function as it stands in the notebook, with dots for a body."""
    code = getattr(answer, "__code__", None)
    return isinstance(code, CodeType) and (code.co_code, code.co_consts) == _DOTS


def _do_nothing() -> None: ...


_DOTS = _do_nothing.__code__.co_code, _do_nothing.__code__.co_consts


def _fault(exercise: Exercise, scene: Scene) -> Words | None:
    if exercise.function and not callable(scene.answer):
        asked = {"function": exercise.function}
        return words(_NO_FUNCTION.en.format(**asked), _NO_FUNCTION.zh.format(**asked))
    try:
        return exercise.check(scene)
    except OcinbError as error:
        return words(error.message, error.message)
    except Exception as error:  # the reader's code may do anything
        return raised(error)


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

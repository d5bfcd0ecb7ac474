"""Makes ``docs/live.md``: for each lesson, what is live and what is recorded, and for whom.

    python docs/live.py

It reads the cells of the notebooks and what readers are permitted (``tests/support/course.py``);
the tests of the lessons hold that it is so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "live.md"
sys.path.insert(0, str(ROOT))

from ocinb.course import shelf  # noqa: E402 - found by that path
from ocinb.course.exercise import Exercise  # noqa: E402
from ocinb.course.exercises import find  # noqa: E402
from ocinb.course.needs import PROGRAM  # noqa: E402
from tests.support.course import CHECK, MET, live  # noqa: E402

_BEFORE = """\
# What is live, and what is recorded

Made by `python docs/live.py` from the notebooks.

Every cell of a lesson runs for every reader, but for those that show what not everybody is
permitted: a mount, a limit, a network. Where such a cell cannot run, what it showed on another
machine is shown, by the same tables and diagrams, under a mark with date, machine and reason.
`%oci lesson needs 05` tells beforehand what it will be on your machine.

- **The superuser** sees everything live, but for cells that need a program which is not installed.
- **An ordinary user** whose kernel allows user namespaces, as most do, lacks control groups (unless
  they are delegated) and bridges.
- **In a locked-down pod**, as on Binder, there are no namespaces and no mounts. Registries,
  pulling, layers, bundles, running and building are live even there: containers run by proot.

The numbers count cells of code, exercises among them.

"""


def table() -> str:
    """The text of the document."""
    rows = ["| lesson | cells | live as root | as a user | in a pod |", "|---|--:|--:|--:|--:|"]
    details = []
    for lesson in shelf.lessons():
        cells, kept = _cells(lesson), lesson.live_cells()
        recorded = {who: [c for c in kept if not live(c, who)] for who in MET}
        counts = [str(cells - len(recorded[who])) for who in MET]
        rows.append(f"| {_link(lesson)} | {cells} | {' | '.join(counts)} |")
        details += _details(lesson, recorded)
    return _BEFORE + "\n".join([*rows, "", *details]).rstrip() + "\n"


def _details(lesson: shelf.Lesson, recorded: dict[str, list[shelf.LiveCell]]) -> list[str]:
    if not recorded["pod"]:
        return []
    user = [f"`{cell.name}`" for cell in recorded["user"]]
    pod = [f"`{cell.name}`" for cell in recorded["pod"] if cell not in recorded["user"]]
    text = [f"## {lesson.number} {lesson.title.en}", ""]
    if user:
        text.append(f"- recorded for an ordinary user and in a pod: {', '.join(user)}")
    if pod:
        text.append(f"- recorded in a pod only: {', '.join(pod)}")
    needed = {need for cell in recorded["pod"] for need in cell.needs}
    programs = sorted({_program(need) for need in needed if need.startswith(PROGRAM)})
    if programs:
        text.append(f"- needs programs: {', '.join(programs)}")
    unsolved = [f"`{e.name}` ({', '.join(_short(e.needs))})" for e in _exercises(lesson) if e.needs]
    if unsolved:
        text.append(f"- exercises that need more than a pod permits: {', '.join(unsolved)}")
    return [*text, ""]


def _program(need: str) -> str:
    return f"`{Path(need).name}`" if "/" in need else f"`{need.removeprefix(PROGRAM)}`"


def _short(needs: tuple[str, ...]) -> list[str]:
    return [need for need in needs if not need.startswith(PROGRAM)]


def _exercises(lesson: shelf.Lesson) -> list[Exercise]:
    source = "\n".join(_code(lesson))
    return [find(name) for name in dict.fromkeys(CHECK.findall(source))]


def _code(lesson: shelf.Lesson) -> list[str]:
    cells = json.loads(lesson.path("en").read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def _cells(lesson: shelf.Lesson) -> int:
    return len([text for text in _code(lesson) if text.strip()])


def _link(lesson: shelf.Lesson) -> str:
    return f"[{lesson.number} {lesson.title.en}](../notebooks/{lesson.file})"


_COURSE = {
    "en": (
        "# The course",
        "How does a container work? In these lessons every claim is a cell that runs. Each brings "
        "its own registry and its own image, asks you to predict before you run, lets you break "
        "things, and has exercises that look at what you have really done.",
        "`make lab` opens the notebooks; what is shown here came out of them. What your machine "
        "does not permit is shown [as it was recorded](../live.md).",
        "| lesson | minutes | exercises |",
    ),
    "zh": (
        "# 课程",
        "容器是怎样工作的？在这些课里，每一个说法都是一个可以运行的单元格。每一课自带仓库和镜像，"
        "先请你猜，再运行，还让你动手弄坏一些东西；练习检查的是你真正做出来的结果。",
        "用 `make lab` 打开这些笔记本；这里显示的就是它们运行的结果。"
        "你的机器不允许的，会显示录制的结果，并注明日期、机器和原因。",
        "| 课 | 分钟 | 练习 |",
    ),
}


def course(language: str) -> str:
    """The page on which the course begins, in a language."""
    title, about, how, head = _COURSE[language]
    place = "" if language == "en" else "lessons/"
    rows, tree = [], []
    for lesson in shelf.lessons():
        name = f"{lesson.number} {lesson.title[language]}"
        at = place + lesson.file.removesuffix(".ipynb")
        rows.append(f"| [{name}]({at}.ipynb) | {lesson.minutes} | {len(_exercises(lesson))} |")
        tree.append(f"{name} <{at}>")
    tree.append(f"{place}appendix-benchmarks")
    toctree = ["```{toctree}", ":hidden:", "", *tree, "```", ""]
    return "\n".join([title, "", about, "", how, "", head, "|---|--:|--:|", *rows, "", *toctree])


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")

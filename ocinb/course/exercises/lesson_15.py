"""The exercises of lesson 15, the shim."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, words
from ocinb.errors import ContainerNotFound

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37


def _check_holder(scene: Scene) -> Words | None:
    from ocinb.stack.ancestry import ancestry_table

    if isinstance(scene.answer, bool) or not isinstance(scene.answer, int):
        return words("the answer is the number of a process", "答案应当是一个进程号")
    try:
        container = scene.engine.containers.get("clock")
        rows = ancestry_table(container.pid).records()
    except ContainerNotFound:
        return words(
            "clock does not run: begin it again with the cell above",
            "clock 没有在运行：用上面的单元格重新启动它",
        )
    known = {row["pid"]: row for row in rows}
    if scene.answer == container.pid:
        return words(
            "that is clock's own process: it writes, it does not read",
            "那是 clock 自己的进程：它只写，不读",
        )
    if "output" not in known.get(scene.answer, {}).get("holds", ""):
        return words("that process does not hold clock's output", "那个进程并没有握着 clock 的输出")
    return None


def _orphan(status: int) -> int:
    """An orphan that ends with a status a little later; its number."""
    script = f"(sleep 0.2; exit {status}) >&- & echo $!"
    return int(subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout)


def _is_subreaper() -> bool:
    found = ctypes.c_int()
    ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(found), 0, 0, 0)
    return bool(found.value)


def _check_reap(scene: Scene) -> Words | None:
    before = _is_subreaper()
    try:
        for status in (7, random.randrange(1, 100), 0):
            given = scene.answer(lambda status=status: _orphan(status))
            if given != status:
                return Words(
                    en=f"an orphan ended with {status}, and reap says {given!r}",
                    zh=f"孤儿以 {status} 结束，而 reap 说是 {given!r}",
                )
        if _is_subreaper() and not before:
            return words(
                "the notebook is a subreaper still: whoever loses a parent is its child now",
                "笔记本还是收养者：以后谁失去父进程，都成了它的孩子",
            )
    finally:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(before), 0, 0, 0)
        _collect()
    return None


def _collect() -> None:
    """Orphans that became ours and that nobody waited for."""
    for entry in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{entry}/children", encoding="ascii") as file:
                children = [int(each) for each in file.read().split()]
        except OSError:
            continue
        for child in children:
            try:
                with open(f"/proc/{child}/stat", encoding="utf-8", errors="replace") as stat:
                    ended = stat.read().rpartition(")")[2].split()[0] == "Z"
                if ended:
                    os.waitpid(child, os.WNOHANG)
            except OSError:
                continue


EXERCISES = (
    Exercise(
        name="15-holder",
        task=words(
            "answer with the number of the process without which clock's output is lost",
            "回答：没有哪个进程，clock 的输出就会丢失（进程号）",
        ),
        check=_check_holder,
        hints=(
            words(
                "`%oci stack clock` has a column `holds`.", "`%oci stack clock` 里有 `holds` 一列。"
            ),
            words(
                "it is the row whose `holds` has `output`; its `pid` is the answer.",
                "就是 `holds` 里有 `output` 的那一行，它的 `pid` 就是答案。",
            ),
        ),
        solution="""
rows = %oci stack clock
int(rows[rows.holds.str.contains("output")].pid.iloc[0])
""",
        wrong=(
            """
rows = %oci stack clock
int(rows.pid.iloc[0])
""",
            "1",
        ),
    ),
    Exercise(
        name="15-reap",
        task=words(
            "write reap(runtime): the exit status of the orphan whose number runtime() returns",
            "写出 reap(runtime)：返回 runtime() 所给编号的孤儿进程的退出状态",
        ),
        check=_check_reap,
        function="reap",
        hints=(
            words(
                "only a parent may wait: become a subreaper before the orphan is made.",
                "只有父进程才能等待：在孤儿产生之前就成为收养者。",
            ),
            words(
                "`libc.prctl(36, 1, 0, 0, 0)`, `runtime()`, `os.waitpid(orphan, 0)`, "
                "`libc.prctl(36, 0, 0, 0, 0)`; os.waitstatus_to_exitcode reads the status.",
                "`libc.prctl(36, 1, 0, 0, 0)`、`runtime()`、`os.waitpid(orphan, 0)`、"
                "`libc.prctl(36, 0, 0, 0, 0)`；os.waitstatus_to_exitcode 读出状态。",
            ),
        ),
        solution="""
def reap(runtime):
    libc.prctl(36, 1, 0, 0, 0)
    orphan = runtime()
    _, status = os.waitpid(orphan, 0)
    libc.prctl(36, 0, 0, 0, 0)
    return os.waitstatus_to_exitcode(status)
""",
        wrong=(
            """
def reap(runtime):
    orphan = runtime()
    _, status = os.waitpid(orphan, 0)
    return os.waitstatus_to_exitcode(status)
""",
            """
def reap(runtime):
    libc.prctl(36, 1, 0, 0, 0)
    orphan = runtime()
    _, status = os.waitpid(orphan, 0)
    libc.prctl(36, 0, 0, 0, 0)
    return status
""",
            """
def reap(runtime):
    libc.prctl(36, 1, 0, 0, 0)
    orphan = runtime()
    _, status = os.waitpid(orphan, 0)
    return os.waitstatus_to_exitcode(status)
""",
        ),
    ),
)

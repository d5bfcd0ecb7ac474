"""The exercises of lesson 01, who calls whom."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, words
from ocinb.errors import ContainerNotFound

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_NAMES = ("sh", "runc:[2:INIT]", "a b", "a) b (c", ") S 1 2 3", "(sd-pam)", "", "))")


def _check_parent(scene: Scene) -> Words | None:
    for name in _NAMES:
        wanted = random.randint(1, 1 << 22)
        numbers = " ".join(str(random.randint(0, 99)) for _ in range(48))
        text = (
            f"{random.randint(1, 1 << 22)} ({name}) {random.choice('SRDZT')} {wanted} {numbers}\n"
        )
        if scene.answer(text) != wanted:
            return Words(
                en=f"it is not right for a program called {name!r}",
                zh=f"程序名为 {name!r} 时，结果不对",
            )
    return None


def _check_spy(scene: Scene) -> Words | None:
    spy, log = scene.room / "mine", scene.room / "mine.log"
    if not os.access(spy, os.X_OK):
        return words("there is no program mine, or it is not executable", "没有可执行的程序 mine")
    try:
        record = scene.engine.containers.get("watched")
    except ContainerNotFound:
        return words("there is no container called watched", "没有叫 watched 的容器")
    if os.path.realpath(record.runtime) != os.path.realpath(spy):
        return Words(en=f"it was run by {record.runtime}", zh=f"它是由 {record.runtime} 运行的")
    if record.exit_status != 0:
        return words("its program has not ended well", "它的程序没有正常结束")
    written = log.read_text(errors="replace").split("\n") if log.exists() else []
    lines = [line for line in written if line]
    if not {"create", "start"} <= set(lines):
        return words(
            "the log lacks create or start, each on a line", "日志里缺少 create 或 start 行"
        )
    strange = [line for line in lines if not line.isalpha()]
    if strange:
        return Words(
            en=f"{strange[0]!r} is not the name of an operation",
            zh=f"{strange[0]!r} 不是操作的名字",
        )
    return None


EXERCISES = (
    Exercise(
        name="01-parent",
        task=words(
            "Write parent(stat): the parent's number from the text of /proc/PID/stat.",
            "写出 parent(stat)：由 /proc/PID/stat 的文本得出父进程号。",
        ),
        check=_check_parent,
        function="parent",
        hints=(
            words(
                "the name may hold spaces and parentheses, what comes after it may not.",
                "名字里可能有空格和括号，它后面的内容里没有。",
            ),
            words(
                "cut at the last closing parenthesis: rpartition(')').",
                "从最后一个右括号处切开：rpartition(')')。",
            ),
        ),
        solution="""
def parent(stat):
    return int(stat.rpartition(")")[2].split()[1])
""",
        wrong=(
            "lambda stat: int(stat.split()[3])",
            "lambda stat: int(stat.partition(')')[2].split()[1])",
            "lambda stat: stat.rpartition(')')[2].split()[1]",
        ),
    ),
    Exercise(
        name="01-spy",
        task=words(
            "Put a spy in the runtime's place that logs the operations, and run watched by it.",
            "写一个记录操作的间谍顶替运行时，并用它运行容器 watched。",
        ),
        check=_check_spy,
        hints=(
            words(
                "the lesson's spy logs all words; yours picks the operation out of them.",
                "课文里的间谍记录所有的词；你的要从中挑出操作名。",
            ),
            words(
                "case $word in create|start|kill|delete|state) echo $word >> LOG;; esac, for each "
                "word; the last line is the exec of the lesson's spy.",
                "对每个词：case $word in create|start|kill|delete|state) echo $word >> LOG;; esac；"
                "最后一行和课文里的间谍一样是 exec。",
            ),
        ),
        solution='''
mine = lesson.directory / "mine"
mine.write_text(f"""#!/bin/sh
for word in "$@"; do
  case $word in create|start|kill|delete|state) echo $word >> {mine}.log;; esac
done
exec {sys.executable} -m ocinb.runtime "$@"
""")
mine.chmod(0o755)
%oci rm --all
_ = %oci run --name watched --runtime $mine $lesson.image true
%oci check 01-spy
''',
        wrong=(
            """
mine = lesson.directory / "mine"
mine.write_text(spy.read_text().replace("spy.log", "mine.log"))
mine.chmod(0o755)
_ = %oci run --name watched --runtime $mine $lesson.image true
%oci check 01-spy
""",
            """
_ = %oci run --name other $lesson.image true
(lesson.directory / "mine.log").write_text("create\\nstart\\n")
%oci rm watched
%oci check 01-spy
""",
        ),
        answered=False,
        needs=("proc",),
    ),
)

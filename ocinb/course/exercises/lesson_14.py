"""The exercises of lesson 14, a runtime of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.course.conformance import faults
from ocinb.course.conformance.rules import HOOKS, LIFE, ORDER, RULES
from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ocinb.course.conformance.rules import Rule
    from ocinb.course.exercise import Scene

_FURTHER = frozenset(
    {
        "root-readonly",
        "devices",
        "masked",
        "readonly-paths",
        "rlimits",
        "capabilities",
        "no-new-privileges",
        "seccomp",
    }
)
"""Names of the rules that the lesson's own parts do not keep."""

_NOTHING = words("run the cells above it first", "请先运行前面的单元格")


def _program(scene: Scene) -> Path:
    return scene.room / "runtime/mine"


def _faults(scene: Scene, rules: Sequence[Rule]) -> dict[Rule, Words]:
    """What is wrong: the rules that are not kept, in their order, and why."""
    found = zip(rules, faults(str(_program(scene)), rules), strict=True)
    return {rule: fault for rule, fault in found if fault is not None}


def _first(broken: dict[Rule, Words]) -> Words | None:
    for rule, fault in broken.items():
        return Words(
            en=f"“{rule.text.en}” ({rule.section}): {fault.en}",
            zh=f"“{rule.text.zh}”（{rule.section}）：{fault.zh}",
        )
    return None


def _check_order(scene: Scene) -> Words | None:
    if not _program(scene).exists():
        return _NOTHING
    asked = [rule for rule in RULES if rule.part in (LIFE, ORDER)]
    for life in ("hasty", "orderly"):  # the short one first: who is wrong shall not wait
        fault = _first(_faults(scene, [rule for rule in asked if rule.life == life]))
        if fault is not None:
            return fault
    return None


def _check_hooks(scene: Scene) -> Words | None:
    if not _program(scene).exists():
        return _NOTHING
    asked = [rule for rule in RULES if rule.part == HOOKS and rule.name != "createContainer"]
    return _first(_faults(scene, asked))


def _check_further(scene: Scene) -> Words | None:
    if not _program(scene).exists():
        return _NOTHING
    broken = _faults(scene, [rule for rule in RULES if rule.part not in (ORDER, HOOKS)])
    names = {rule.name for rule in broken}
    lost = _first({rule: fault for rule, fault in broken.items() if rule.name not in _FURTHER})
    if lost is not None:
        return Words(en=f"lost: {lost.en}", zh=f"丢了一条：{lost.zh}")
    if names >= _FURTHER:
        return words("no further rule is kept yet", "还没有多守住任何一条规则")
    return None


_APPEND = """
with parts.open("a") as file:
    file.write('''
{}
''')
%oci check {}
"""


def _appended(exercise: str, text: str) -> str:
    return _APPEND.format(text.strip("\n"), exercise)


_NEED = """
def need(state, operation):
    allowed = {"start": ["created"], "kill": ["created", "running"], "delete": ["stopped"]}
    if state["status"] not in allowed[operation]:
        sys.exit(f"container {state['id']} is {state['status']}: no {operation}")
"""

_CALL = """
def call(stage, state):
    for hook in state["hooks"].get(stage, []):
        words = hook.get("args") or [hook["path"]]
        variables = dict(each.split("=", 1) for each in hook.get("env", []))
        subprocess.run(words, executable=hook["path"], env=variables, text=True, check=True,
                       input=json.dumps(state), timeout=hook.get("timeout"))
"""

_PREPARE = """
import resource
def prepare(config):
    for each in config["process"].get("rlimits", []):
        kind = getattr(resource, each["type"])
        resource.setrlimit(kind, (each["soft"], each["hard"]))
"""

EXERCISES = (
    Exercise(
        name="14-order",
        task=words(
            "Write need(state, operation), so that your runtime keeps all rules of order.",
            "写出 need(state, operation)，让你的运行时守住所有关于顺序的规则。",
        ),
        check=_check_order,
        hints=(
            words(
                "it is the table of 08-may, as far as start, kill and delete go.",
                "就是 08-may 的那张表，只看 start、kill 和 delete。",
            ),
            words(
                "start needs created; kill created or running; delete stopped. sys.exit(text) "
                "writes the text to standard error and ends with status 1.",
                "start 需要 created；kill 需要 created 或 running；delete 需要 stopped。"
                "sys.exit(文本) 把文本写到标准错误，并以状态 1 结束。",
            ),
        ),
        solution=_appended("14-order", _NEED),
        wrong=(
            _appended("14-order", _NEED.replace('"delete": ["stopped"]', '"delete": ["created"]')),
            _appended("14-order", _NEED.replace("sys.exit(", "print(")),
        ),
        answered=False,
    ),
    Exercise(
        name="14-hooks",
        task=words(
            "Write call(stage, state), so that hooks are called at their moments.",
            "写出 call(stage, state)，让钩子在各自的时刻被调用。",
        ),
        check=_check_hooks,
        hints=(
            words(
                "subprocess.run waits for a program; its input is the text on standard input.",
                "subprocess.run 会等程序结束；input 是标准输入上的文本。",
            ),
            words(
                "subprocess.run(args, executable=path, input=json.dumps(state), text=True, "
                "check=True): args name the program, path says which file it is.",
                "subprocess.run(args, executable=path, input=json.dumps(state), text=True, "
                "check=True)：args 是程序被叫的名字和参数，path 说明是哪个文件。",
            ),
        ),
        solution=_appended("14-hooks", _CALL),
        wrong=(
            _appended("14-hooks", _CALL.replace("input=json.dumps(state), ", "input='', ")),
            _appended("14-hooks", _CALL.replace("check=True", "check=False")),
            _appended("14-hooks", _CALL.replace("(state)", '(state | {"status": "running"})')),
        ),
        answered=False,
    ),
    Exercise(
        name="14-further",
        task=words(
            "Write prepare(config), so that one more rule is kept and none is lost.",
            "写出 prepare(config)，让守住的规则多一条，一条也不丢。",
        ),
        check=_check_further,
        hints=(
            words(
                "the module resource sets limits; prctl number 38 is no_new_privs; a mount may be "
                "made read-only anew.",
                "模块 resource 可以设置限额；prctl 的 38 号是 no_new_privs；挂载可以重新设为只读。",
            ),
            words(
                'for each of config["process"]["rlimits"]: resource.setrlimit(getattr(resource, '
                'each["type"]), (each["soft"], each["hard"])).',
                '对 config["process"]["rlimits"] 里的每一项：resource.setrlimit('
                'getattr(resource, each["type"]), (each["soft"], each["hard"]))。',
            ),
        ),
        solution=_appended("14-further", _PREPARE),
        wrong=(
            _appended("14-further", _PREPARE.replace('(each["soft"], each["hard"])', "(50, 50)")),
            _appended(
                "14-further",
                _PREPARE.replace(
                    "    for each", '    kernel("sethostname", "lost", 4)\n    for each'
                ),
            ),
        ),
        answered=False,
        needs=("proc",),
    ),
)

"""The exercises of lesson 08, the lifecycle."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words
from ocinb.errors import ContainerNotFound
from ocinb.events import HookFinished
from ocinb.spec.lifecycle import HOOKS, STEPS, WARNING, allowed
from ocinb.spec.runtime_state import CREATED, CREATING, RUNNING, STOPPED

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene
    from ocinb.spec.runtime_state import State

_OPERATIONS = ("create", "start", "kill", "delete", "state")
_DESTROY = 12
_PATIENCE = 20


def _check_may(scene: Scene) -> Words | None:
    for status in (None, CREATING, CREATED, RUNNING, STOPPED):
        for operation in _OPERATIONS:
            wanted = allowed(status or "", operation) and (status, operation) != (None, "state")
            found = scene.answer(status, operation)
            if found is not wanted:
                return unlike(f"may({status!r}, {operation!r})", wanted, found)
    return None


def _reached(stage: str | None) -> list[int]:
    numbers = []
    failed = False
    for step in STEPS:
        if not failed or step.number >= _DESTROY:
            numbers.append(step.number)
        failed = failed or (step.name == stage and step.failure != WARNING)
    return numbers


def _check_steps(scene: Scene) -> Words | None:
    for stage in (None, *HOOKS):
        wanted = _reached(stage)
        found = scene.answer(stage)
        if list(found or ()) != wanted:
            return unlike(f"reached({stage!r})", wanted, found)
    return None


def _check_receipt(scene: Scene) -> Words | None:
    try:
        state = scene.engine.containers.state("receipt")
        events = scene.engine.containers.events("receipt")
    except ContainerNotFound:
        return words("there is no container called receipt", "没有叫 receipt 的容器")
    if state.status != STOPPED:
        return words("it has not ended yet", "它还没有结束")
    ran = {event.stage for event in events if isinstance(event, HookFinished)}
    if not ran:
        return words("no hook of it was called", "它没有任何钩子被调用")
    receipt = scene.room / "receipt"
    try:
        text = receipt.read_text()
    except OSError:
        return words(
            "there is no file receipt in lesson.directory", "lesson.directory 里没有文件 receipt"
        )
    if text.split() != [RUNNING, STOPPED]:
        return Words(en=f"the file says {text.split()}", zh=f"文件里写的是 {text.split()}")
    return _check_listens(scene, state)


def _check_listens(scene: Scene, state: State) -> Words | None:
    """Call a hook once more, with a status that it cannot have foreseen."""
    receipt = scene.room / "receipt"
    text = receipt.read_text()
    config = json.loads(Path(state.bundle, "config.json").read_bytes())
    made_up = random.choice(("frozen", "asleep", "elsewhere"))
    document = json.dumps(state.document() | {"status": made_up})
    try:
        for hook in config["hooks"]["poststop"]:
            subprocess.run(
                [hook["path"], *hook.get("args", [hook["path"]])[1:]],
                input=document,
                text=True,
                check=False,
                capture_output=True,
                timeout=_PATIENCE,
            )
        said = receipt.read_text().removeprefix(text).split()
    finally:
        receipt.write_text(text)
    if said != [made_up]:
        return words(
            "told of another status, the poststop hook does not write that one",
            "换一个状态告诉 poststop 钩子，它写下的却不是那个",
        )
    return None


_RECEIPT = r"""
%oci rm --force --all
(lesson.directory / "receipt").write_text("")
hook = lesson.directory / "hook"
hook.write_text('''#!/bin/sh
state=$(cat)
status=${state#*\\"status\\"*\\"}
echo "${status%%\\"*}" >> "${0%/*}/receipt"
''')
hook.chmod(0o755)
each = " ".join(f"--hook {stage}={hook}" for stage in (STAGES))
_ = %oci run --name receipt {each} $lesson.image true
%oci check 08-receipt
"""

EXERCISES = (
    Exercise(
        name="08-may",
        task=words(
            "Write may(status, operation): whether the specification allows it.",
            "写出 may(status, operation)：规范是否允许。",
        ),
        check=_check_may,
        function="may",
        hints=(
            words(
                "each operation has its statuses: start one, kill two, delete one; create has only "
                "None.",
                "每个操作都有它的状态：start 一种，kill 两种，delete 一种，create 只在没有容器时。",
            ),
            words(
                "start: created; kill: created, running; delete: stopped; create: None; "
                "state: all but None.",
                "start 需要 created；kill 需要 created 或 running；delete 需要 stopped；"
                "create 需要 None；state 除了 None 都可以。",
            ),
        ),
        solution="""
def may(status, operation):
    when = {"create": [None], "start": ["created"], "kill": ["created", "running"]}
    when |= {"delete": ["stopped"], "state": ["creating", "created", "running", "stopped"]}
    return status in when[operation]
""",
        wrong=(
            """
def may(status, operation):
    when = {"create": [None], "start": ["created"], "kill": ["created", "running"]}
    when |= {"delete": ["created", "stopped"]}
    return operation == "state" or status in when[operation]
""",
            """
def may(status, operation):
    when = {"create": [None], "start": ["created", "stopped"], "kill": ["running"]}
    when |= {"delete": ["stopped"], "state": ["creating", "created", "running", "stopped"]}
    return status in when[operation]
""",
            "lambda status, operation: True",
        ),
    ),
    Exercise(
        name="08-steps",
        task=words(
            "Write reached(stage): the steps of a life in which a hook of that stage fails.",
            "写出 reached(stage)：该阶段的钩子失败时，一生经过的各步。",
        ),
        check=_check_steps,
        function="reached",
        hints=(
            words(
                "the table of section 2 has each hook's number; a failure leads to step 12.",
                "第 2 节的表里有每个钩子的编号；失败之后到第 12 步。",
            ),
            words(
                "from 1 to the hook's own number, then 12 and 13; poststop fails when all is done.",
                "从 1 到这个钩子自己的编号，然后是 12 和 13；poststop 失败时，一切都已做完。",
            ),
        ),
        solution="""
def reached(stage):
    number = {"prestart": 3, "createRuntime": 4, "createContainer": 5}
    number |= {"startContainer": 7, "poststart": 9}
    return [*range(1, number.get(stage, 11) + 1), 12, 13]
""",
        wrong=(
            """
def reached(stage):
    number = {"prestart": 3, "createRuntime": 4, "createContainer": 5}
    number |= {"startContainer": 7, "poststart": 9}
    return [*range(1, number.get(stage, 13) + 1)]
""",
            """
def reached(stage):
    number = {"prestart": 3, "createRuntime": 4, "createContainer": 5}
    number |= {"startContainer": 7}
    return [*range(1, number.get(stage, 11) + 1), 12, 13]
""",
        ),
    ),
    Exercise(
        name="08-receipt",
        task=words(
            "Run a container receipt whose hooks write its status into the file receipt.",
            "运行容器 receipt，让它的钩子把状态写进文件 receipt。",
        ),
        check=_check_receipt,
        hints=(
            words(
                "two hooks are enough: one after the program has been started, one at the end.",
                "两个钩子就够了：一个在程序启动之后，一个在最后。",
            ),
            words(
                "--hook poststart=… and --hook poststop=…, both the same script: it takes the "
                "status out of the JSON on its standard input, as witness does.",
                "--hook poststart=… 和 --hook poststop=…，用同一个脚本：像 witness 那样，"
                "从标准输入的 JSON 里取出状态。",
            ),
        ),
        solution=_RECEIPT.replace("STAGES", "'poststart', 'poststop'"),
        wrong=(
            _RECEIPT.replace("STAGES", "'createRuntime', 'poststop'"),
            _RECEIPT.replace("STAGES", "'poststart', 'poststop'").replace(
                '${status%%\\\\"*}', "running"
            ),
            _RECEIPT.replace("STAGES", "'poststart', 'poststop'").replace(
                'echo "${status%%\\\\"*}" >> "${0%/*}/receipt"',
                '[ -s "${0%/*}/receipt" ] && a=stopped; echo ${a-running} >> "${0%/*}/receipt"',
            ),
        ),
        answered=False,
    ),
)

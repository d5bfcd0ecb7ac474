"""The exercises of lesson 07, a container from nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
_NOBODY = 65534
_PATIENCE = 20


def _check_shared(scene: Scene) -> Words | None:
    for _ in range(20):
        with tempfile.TemporaryDirectory(prefix="ocinb-check-") as place:
            links: list[dict[str, str]] = []
            for name in ("one", "other"):
                Path(place, name).mkdir()
                kinds = random.sample(_KINDS, random.randint(4, 8))
                links.append({kind: f"{kind}:[{random.choice((1, 2))}]" for kind in kinds})
                for kind, target in links[-1].items():
                    Path(place, name, kind).symlink_to(target)
            found = scene.answer(f"{place}/one", f"{place}/other")
            wanted = {kind for kind, target in links[0].items() if links[1].get(kind) == target}
            if found != wanted:
                return unlike(f"shared, for {links[0]} and {links[1]},", wanted, found)
    return None


def _inside(lines: list[tuple[int, int, int]], outside: int) -> int:
    for first, there, count in lines:
        if there <= outside < there + count:
            return first + outside - there
    return _NOBODY


def _check_id_map(scene: Scene) -> Words | None:
    maps = (
        [(0, 1000, 1)],
        [(0, 1000, 1), (1, 100000, 65536)],
        [(0, 0, 4294967295)],
        [(0, 100000, 1000), (1000, 1000, 1), (1001, 101001, 500)],
    )
    for lines in maps:
        text = "".join(f"{a:>10} {b:>10} {c:>10}\n" for a, b, c in lines)
        edges = [there + step for _, there, count in lines for step in (-1, 0, 1, count - 1, count)]
        for outside in (*edges, 7):
            if outside < 0:
                continue
            found = scene.answer(text, outside)
            if found != _inside(lines, outside):
                return unlike(f"inside({text!r}, {outside})", _inside(lines, outside), found)
    return None


def _check_network(scene: Scene) -> Words | None:
    script = "ls -l /proc/self/ns/net; echo $$; hostname; ls /entrypoint"
    rootfs = scene.room / "bundle/rootfs"
    done = subprocess.run(
        [sys.executable, "-I", scene.room / "nothing.py", rootfs, "/bin/sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
        env={"PATH": os.environ.get("PATH", "")},
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [str(done.returncode)]
        return Words(en=f"the program fails: {last[0]}", zh=f"程序失败了：{last[0]}")
    link, _, rest = done.stdout.partition("\n")
    if link.endswith(os.readlink("/proc/self/ns/net")):
        return words("it is still in this machine's network", "它还在这台机器的网络里")
    if rest.split() != ["1", "nothing", "/entrypoint"]:
        return words("it is no longer the container that it was", "它不再是原来那个容器了")
    return None


EXERCISES = (
    Exercise(
        name="07-shared",
        task=words(
            "Write shared(one, other): the kinds of namespaces that two processes share.",
            "写出 shared(one, other)：两个进程共用哪几类命名空间。",
        ),
        check=_check_shared,
        function="shared",
        hints=(
            words(
                "a link's target names the namespace: equal targets, the same namespace.",
                "链接的目标就是命名空间的名字：目标相同，就是同一个。",
            ),
            words(
                "os.listdir gives the kinds, os.readlink the targets; look at those in both.",
                "os.listdir 给出种类，os.readlink 给出目标；只看双方都有的。",
            ),
        ),
        solution="""
def shared(one, other):
    kinds = set(os.listdir(one)) & set(os.listdir(other))
    return {k for k in kinds if os.readlink(f"{one}/{k}") == os.readlink(f"{other}/{k}")}
""",
        wrong=(
            "lambda one, other: set(os.listdir(one)) & set(os.listdir(other))",
            "lambda one, other: {k for k in os.listdir(one) if os.readlink(f'{one}/{k}')}",
            "{'net'}",
        ),
    ),
    Exercise(
        name="07-idmap",
        task=words(
            "Write inside(uid_map, outside): the number that a user has in a user namespace.",
            "写出 inside(uid_map, outside)：外面的用户在用户命名空间里的编号。",
        ),
        check=_check_id_map,
        function="inside",
        hints=(
            words(
                "a line covers the numbers from its second one on, as many as its third one says.",
                "每一行从第二个数开始，覆盖第三个数那么多个编号。",
            ),
            words(
                "where first_outside <= outside < first_outside + count, the answer is "
                "first_inside + outside - first_outside; where no line fits, 65534.",
                "若 first_outside <= outside < first_outside + count，答案就是 "
                "first_inside + outside - first_outside；没有合适的行，就是 65534。",
            ),
        ),
        solution="""
def inside(uid_map, outside):
    for line in uid_map.splitlines():
        first, there, count = map(int, line.split())
        if there <= outside < there + count:
            return first + outside - there
    return 65534
""",
        wrong=(
            """
def inside(uid_map, outside):
    first, there, count = map(int, uid_map.split()[:3])
    return first + outside - there
""",
            """
def inside(uid_map, outside):
    for line in uid_map.splitlines():
        first, there, count = map(int, line.split())
        if there <= outside <= there + count:
            return first + outside - there
    return 65534
""",
            """
def inside(uid_map, outside):
    for line in uid_map.splitlines():
        there, first, count = map(int, line.split())
        if there <= outside < there + count:
            return first + outside - there
    return 65534
""",
        ),
    ),
    Exercise(
        name="07-network",
        task=words(
            "Change nothing.py so that the program inside sees no interface but lo.",
            "修改 nothing.py，让里面的程序除了 lo 看不到任何网络接口。",
        ),
        check=_check_network,
        hints=(
            words(
                "a new namespace of one more kind is enough: look for the call of leave.",
                "再多一类新的命名空间就够了：找到调用 leave 的地方。",
            ),
            words(
                "leave(NEWUSER | NEWNS | NEWUTS | NEWPID | 0x40000000)",
                "leave(NEWUSER | NEWNS | NEWUTS | NEWPID | 0x40000000)：这样就行。",
            ),
        ),
        solution="""
program = lesson.directory / "nothing.py"
text = program.read_text()
program.write_text(text.replace("| NEWPID)", "| NEWPID | 0x40000000)"))
%oci check 07-network
""",
        wrong=(
            """
program = lesson.directory / "nothing.py"
text = program.read_text()
program.write_text(text.replace("| NEWPID)", "| NEWPID | 0x8000000)"))
%oci check 07-network
program.write_text(text);
""",
            """
program = lesson.directory / "nothing.py"
text = program.read_text()
program.write_text(text.replace("| NEWUTS | NEWPID)", "| NEWPID | 0x40000000)"))
%oci check 07-network
program.write_text(text);
""",
        ),
        answered=False,
        needs=("proc",),
    ),
)

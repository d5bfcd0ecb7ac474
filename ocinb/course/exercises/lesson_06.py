"""The exercises of lesson 06, the bundle."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ocinb.course.bundles import read_bundle
from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_ENTRYPOINTS: tuple[list[str] | None, ...] = (None, [], ["/entrypoint"], ["/bin/tini", "--"])
_COMMANDS: tuple[list[str] | None, ...] = (None, [], ["serve"], ["/bin/sh", "-c", "id; hostname"])
_TYPED: tuple[list[str], ...] = ([], ["ls"], ["ls", "-l", "/etc"])
_SCRATCH = 1 << 20


def _check_args(scene: Scene) -> Words | None:
    for entrypoint in _ENTRYPOINTS:
        for cmd in _COMMANDS:
            for typed in _TYPED:
                wanted = [*(entrypoint or []), *(typed or cmd or [])]
                found = scene.answer(entrypoint, cmd, list(typed))
                if found != wanted:
                    return unlike(f"arguments({entrypoint}, {cmd}, {typed})", wanted, found)
    return None


def _under(mounts: list[str], path: str) -> str:
    found = "/"
    for destination in mounts:
        if path == destination or path.startswith(f"{destination}/"):
            found = destination
    return found


def _check_mounts(scene: Scene) -> Words | None:
    places = ["/proc", "/dev", "/dev/pts", "/dev/shm", "/data", "/data/inner", "/database"]
    paths = [*places, "/dev/shm/x", "/data/inner/deep/x", "/data/x", "/etc", "/devices", "/"]
    cases = [(order, path) for order in (places, places[::-1]) for path in paths]
    cases += [
        (random.sample(places, random.randint(0, 7)), random.choice(paths)) for _ in range(99)
    ]
    for mounts, path in cases:
        found = scene.answer(list(mounts), path)
        if found != _under(mounts, path):
            return unlike(f"under({mounts}, {path!r})", _under(mounts, path), found)
    return None


def _check_bundle(scene: Scene) -> Words | None:
    config = read_bundle(scene, "mine")
    if isinstance(config, Words):
        return config
    process = config["process"]
    user = process.get("user", {})
    files = [r for r in process.get("rlimits") or [] if r["type"] == "RLIMIT_NOFILE"]
    faults = (
        (process["args"] == ["/bin/sh", "-c", "env"], "process.args"),
        (process["cwd"] == "/srv", "process.cwd"),
        ((user.get("uid"), user.get("gid")) == (1000, 1000), "process.user"),
        (user.get("umask") == 0o027, "process.user.umask"),
        (
            {"COURSE=06", "OCINB_DEMO=from the image"} <= set(process.get("env") or []),
            "process.env",
        ),
        ([r["soft"] for r in files] == [64], "process.rlimits"),
        (config["root"].get("readonly") is True, "root.readonly"),
        (_has_scratch(config.get("mounts") or []), "mounts"),
    )
    for right, field in faults:
        if not right:
            return words(f"{field} is not as it was wished for", f"{field} 和要求的不一样")
    return None


def _has_scratch(mounts: list[dict[str, Any]]) -> bool:
    found = [mount for mount in mounts if mount["destination"].rstrip("/") == "/scratch"]
    if len(found) != 1 or found[0].get("type") != "tmpfs":
        return False
    sizes = [o.partition("=")[2].lower() for o in found[0].get("options") or [] if o[:5] == "size="]
    units = {"k": 1 << 10, "m": 1 << 20}
    for size in sizes:
        number, unit = (size[:-1], units[size[-1]]) if size[-1:] in units else (size, 1)
        if number.isdigit() and 0 < int(number) * unit <= _SCRATCH:
            return True
    return False


EXERCISES = (
    Exercise(
        name="06-args",
        task=words(
            "Write arguments(entrypoint, cmd, words), which gives process.args.",
            "写出 arguments(entrypoint, cmd, words)，得到 process.args。",
        ),
        check=_check_args,
        function="arguments",
        hints=(
            words(
                "two lists, one behind the other; the second is what was typed, else Cmd.",
                "两个列表前后相接；后一个是输入的词，没有就是 Cmd。",
            ),
            words(
                "an image may have None in the place of a list: None or [] is [].",
                "镜像里可能是 None 而不是列表：None or [] 就是 []。",
            ),
        ),
        solution="""
def arguments(entrypoint, cmd, words):
    return (entrypoint or []) + (words or cmd or [])
""",
        wrong=(
            "lambda entrypoint, cmd, words: words or (entrypoint or []) + (cmd or [])",
            "lambda entrypoint, cmd, words: (entrypoint or []) + (cmd or []) + words",
            "lambda entrypoint, cmd, words: entrypoint + (words or cmd)",
        ),
    ),
    Exercise(
        name="06-mounts",
        task=words(
            "Write under(mounts, path): the mount that a path lies on.",
            "写出 under(mounts, path)：路径位于哪个挂载上。",
        ),
        check=_check_mounts,
        function="under",
        hints=(
            words(
                "the last mount in the list that is the path itself or one of its parents wins, "
                "not the longest one.",
                "列表中最后一个等于该路径、或是其父目录的挂载获胜，而不是最长的那个。",
            ),
            words(
                "/data is no parent of /database: compare with a slash behind it.",
                "/data 不是 /database 的父目录：比较时要在后面加上斜杠。",
            ),
        ),
        solution="""
def under(mounts, path):
    found = "/"
    for destination in mounts:
        if f"{path}/".startswith(f"{destination}/"):
            found = destination
    return found
""",
        wrong=(
            """
def under(mounts, path):
    return max((m for m in mounts if f"{path}/".startswith(f"{m}/")), key=len, default="/")
""",
            """
def under(mounts, path):
    return next((m for m in reversed(mounts) if path.startswith(m)), "/")
""",
            """
def under(mounts, path):
    return next((m for m in mounts if f"{path}/".startswith(f"{m}/")), "/")
""",
        ),
    ),
    Exercise(
        name="06-bundle",
        task=words(
            "Make a bundle whose program runs as the list in the lesson says.",
            "做一个 bundle，让它的程序按课文里的清单运行。",
        ),
        check=_check_bundle,
        hints=(
            words(
                "%oci bundle create --help lists the options, each with the field that it sets.",
                "%oci bundle create --help 列出选项，每个都注明它设置的字段。",
            ),
            words(
                "--workdir, --user 1000:1000, --umask 0027, --env, --ulimit nofile=64, "
                "--read-only, --tmpfs /scratch:size=1m; --entrypoint '' leaves your command alone.",
                "--workdir、--user 1000:1000、--umask 0027、--env、--ulimit nofile=64、"
                "--read-only、--tmpfs /scratch:size=1m，再用 --entrypoint '' 让命令就是全部。",
            ),
        ),
        solution="""
import shutil

mine = lesson.directory / "mine"
shutil.rmtree(mine, ignore_errors=True)
who = "--user 1000:1000 --umask 0027 --workdir /srv --env COURSE=06 --entrypoint ''"
what = "--ulimit nofile=64 --read-only --tmpfs /scratch:size=1m"
%oci bundle create {who} {what} $lesson.image $mine /bin/sh -c env
%oci check 06-bundle
""",
        wrong=(
            """
import shutil

mine = lesson.directory / "mine"
shutil.rmtree(mine, ignore_errors=True)
%oci bundle create --workdir /srv --env COURSE=06 $lesson.image $mine /bin/sh -c env
%oci check 06-bundle
""",
            """
mine = lesson.directory / "mine"
shutil.rmtree(mine, ignore_errors=True)
who = "--user 1000:1000 --umask 27 --workdir /srv --env COURSE=06 --entrypoint ''"
what = "--ulimit nofile=64 --read-only --tmpfs /scratch:size=2m"
%oci bundle create {who} {what} $lesson.image $mine /bin/sh -c env
%oci check 06-bundle
""",
        ),
        answered=False,
    ),
)

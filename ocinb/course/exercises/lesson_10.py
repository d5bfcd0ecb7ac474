"""The exercises of lesson 10, safety."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ocinb.course.bundles import read_bundle
from ocinb.course.exercise import Exercise
from ocinb.course.words import Words, unlike, words

if TYPE_CHECKING:
    from ocinb.course.exercise import Scene

_NAMES = [f"CAP_{number}" for number in range(41)]
_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_ALLOW, _ERROR, _KILL = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"
_USER = 1000


def _check_held(scene: Scene) -> Words | None:
    masks = [0, 1, 0x800405FB, (1 << len(_NAMES)) - 1]
    masks += [random.getrandbits(len(_NAMES)) for _ in range(20)]
    for mask in masks:
        others = {name: random.getrandbits(len(_NAMES)) for name in _SETS} | {"CapEff": mask}
        lines = [f"{name}:\t{bits:016x}" for name, bits in others.items()]
        status = "\n".join(["Name:\tsh", "Uid:\t0\t0\t0\t0", *lines, "NoNewPrivs:\t0", ""])
        wanted = {name for bit, name in enumerate(_NAMES) if mask >> bit & 1}
        found = scene.answer(status, list(_NAMES))
        if found != wanted:
            return unlike(f"held, where CapEff is {mask:016x},", wanted, found)
    return None


def _check_verdict(scene: Scene) -> Words | None:
    rules: list[dict[str, Any]] = [
        {"names": ["read", "write", "mkdirat"], "action": _ALLOW},
        {"names": ["clone"], "action": _ALLOW, "args": [{"index": 0, "value": 1, "op": "x"}]},
        {"names": ["clone"], "action": _KILL},
        {"names": ["socket"], "action": _ERROR, "args": [{"index": 0, "value": 40, "op": "x"}]},
        {"names": ["mount", "umount2"], "action": _KILL, "args": []},
    ]
    profiles: list[dict[str, Any]] = [{"defaultAction": _ALLOW}]
    for default in (_ALLOW, _ERROR):
        profiles += [
            {"defaultAction": default, "syscalls": rules},
            {"defaultAction": default, "syscalls": []},
        ]
    for profile in profiles:
        for name in ("read", "clone", "socket", "mount", "mkdir", "mkdirat"):
            wanted = profile["defaultAction"]
            for rule in profile.get("syscalls", []):
                if name in rule["names"] and not rule.get("args"):
                    wanted = rule["action"]
            found = scene.answer(profile, name)
            if found != wanted:
                return unlike(f"verdict({profile}, {name!r})", wanted, found)
    return None


def _inside(links: dict[str, str], path: str) -> str:
    rest, found = path.split("/"), list[str]()
    while rest:
        name = rest.pop(0)
        if name == "..":
            found = found[:-1]
        elif name not in ("", "."):
            target = links.get("/" + "/".join([*found, name]))
            if target is None:
                found.append(name)
                continue
            if target.startswith("/"):
                found = []
            rest = target.split("/") + rest
    return "/" + "/".join(found)


def _check_inside(scene: Scene) -> Words | None:
    links = {
        "/data": "/etc",
        "/srv/up": "../..",
        "/srv/far": "../../../../etc/passwd",
        "/var/run": "../run",
        "/run/deep": "/data/ssl",
        "/a/b": "c/d",
        "/etc/ssl": "./../srv/up",
    }
    paths = [*links, "/", "/..", "/../../etc", "/data/../x", "/run/deep/x", "/a/./b//e/", "/a/b/.."]
    paths += ["/database", "/data/passwd", "/var/run/deep/../y", "/srv/up/../data/x"]
    names = ["data", "srv", "up", "..", ".", "var", "run", "deep", "a", "b", "etc", "ssl", "x"]
    paths += ["/" + "/".join(random.choices(names, k=random.randint(1, 6))) for _ in range(200)]
    for path in paths:
        found = scene.answer(dict(links), path)
        if found != _inside(links, path):
            return unlike(f"inside({links}, {path!r})", _inside(links, path), found)
    return None


def _check_hard(scene: Scene) -> Words | None:
    config = read_bundle(scene, "hard")
    if isinstance(config, Words):
        return config
    process, linux = config["process"], config["linux"]
    user = process.get("user", {})
    faults = (
        ((user.get("uid"), user.get("gid")) == (_USER, _USER), "process.user"),
        (not any((process.get("capabilities") or {}).values()), "process.capabilities"),
        (process.get("noNewPrivileges") is True, "process.noNewPrivileges"),
        (config["root"].get("readonly") is True, "root.readonly"),
        (linux.get("seccomp", {}).get("defaultAction") == _ERROR, "linux.seccomp"),
        ("/proc/keys" in linux.get("maskedPaths", ()), "linux.maskedPaths"),
        ("/proc/sys" in linux.get("readonlyPaths", ()), "linux.readonlyPaths"),
    )
    for right, field in faults:
        if not right:
            return words(f"{field} is not locked", f"{field} 没有锁好")
    return None


EXERCISES = (
    Exercise(
        name="10-held",
        task=words(
            "Write held(status, names): the capabilities in force.",
            "写出 held(status, names)：正在生效的权能。",
        ),
        check=_check_held,
        function="held",
        hints=(
            words(
                "only the line CapEff counts; its number is written in hexadecimal.",
                "只看 CapEff 那一行；数字是十六进制的。",
            ),
            words(
                "int(text, 16) reads it; mask >> number & 1 is the bit of that number.",
                "int(text, 16) 读出它；mask >> number & 1 就是那一位。",
            ),
        ),
        solution="""
def held(status, names):
    lines = dict(line.split(":", 1) for line in status.splitlines())
    mask = int(lines["CapEff"], 16)
    return {name for number, name in enumerate(names) if mask >> number & 1}
""",
        wrong=(
            """
def held(status, names):
    lines = dict(line.split(":", 1) for line in status.splitlines())
    mask = int(lines["CapBnd"], 16)
    return {name for number, name in enumerate(names) if mask >> number & 1}
""",
            """
def held(status, names):
    lines = dict(line.split(":", 1) for line in status.splitlines())
    mask = int(lines["CapEff"], 16)
    return {name for number, name in enumerate(names, 1) if mask >> number & 1}
""",
            "lambda status, names: set(names[:11])",
        ),
    ),
    Exercise(
        name="10-verdict",
        task=words(
            "Write verdict(profile, name): what a seccomp profile does with a system call.",
            "写出 verdict(profile, name)：seccomp 配置怎样处置一个系统调用。",
        ),
        check=_check_verdict,
        function="verdict",
        hints=(
            words(
                "profile may have no syscalls at all, and args may be an empty list.",
                "profile 里可能根本没有 syscalls，args 也可能是空列表。",
            ),
            words(
                "go through profile.get('syscalls', []); return the action of the rule that has "
                "the name and no args; behind the loop, defaultAction.",
                "遍历 profile.get('syscalls', [])；遇到含有该名字且没有 args 的规则，返回它的 "
                "action；循环之后返回 defaultAction。",
            ),
        ),
        solution="""
def verdict(profile, name):
    for rule in profile.get("syscalls", []):
        if name in rule["names"] and not rule.get("args"):
            return rule["action"]
    return profile["defaultAction"]
""",
        wrong=(
            """
def verdict(profile, name):
    for rule in profile.get("syscalls", []):
        if name in rule["names"]:
            return rule["action"]
    return profile["defaultAction"]
""",
            """
def verdict(profile, name):
    for rule in profile.get("syscalls", []):
        if any(each.startswith(name) for each in rule["names"]) and not rule.get("args"):
            return rule["action"]
    return profile["defaultAction"]
""",
        ),
    ),
    Exercise(
        name="10-inside",
        task=words(
            "Write inside(links, path): where a path leads inside of the root.",
            "写出 inside(links, path)：路径在根里面通向哪里。",
        ),
        check=_check_inside,
        function="inside",
        hints=(
            words(
                "walk name by name: a link's target is put in front of the names that are left.",
                "一个名字一个名字地走：遇到链接，就把它的目标插到剩下的名字前面。",
            ),
            words(
                "keep a list of the names walked so far: .. takes the last one away, if there is "
                "one; a target that begins with / empties the list.",
                "记下走过的名字：.. 去掉最后一个（如果有）；以 / 开头的目标把列表清空。",
            ),
        ),
        solution="""
def inside(links, path):
    rest, found = path.split("/"), []
    while rest:
        name = rest.pop(0)
        target = links.get("/" + "/".join([*found, name]))
        if name == "..":
            found = found[:-1]
        elif target is not None and name:
            found = [] if target.startswith("/") else found
            rest = target.split("/") + rest
        elif name not in ("", "."):
            found.append(name)
    return "/" + "/".join(found)
""",
        wrong=(
            """
import posixpath


def inside(links, path):
    path = posixpath.normpath(path)
    for link, target in links.items():
        if f"{path}/".startswith(f"{link}/"):
            return inside(links, posixpath.join(posixpath.dirname(link), target + path[len(link):]))
    return path
""",
            "lambda links, path: links.get(path, path)",
        ),
    ),
    Exercise(
        name="10-hard",
        task=words(
            "Make a bundle in lesson.directory / 'hard' with all locks closed.",
            "在 lesson.directory / 'hard' 里做一个 bundle，把锁全部锁上。",
        ),
        check=_check_hard,
        hints=(
            words(
                "%oci bundle create --help lists the options, each with the field that it sets.",
                "%oci bundle create --help 列出选项，每个都注明它设置的字段。",
            ),
            words(
                "--user 1000:1000 --cap-drop ALL --security-opt no-new-privileges --read-only",
                "--user 1000:1000 --cap-drop ALL --security-opt no-new-privileges --read-only，"
                "其余保持默认。",
            ),
        ),
        solution="""
hard = lesson.directory / "hard"
shutil.rmtree(hard, ignore_errors=True)
locks = "--user 1000:1000 --cap-drop ALL --security-opt no-new-privileges --read-only"
%oci bundle create {locks} $lesson.image $hard
%oci check 10-hard
""",
        wrong=(
            """
hard = lesson.directory / "hard"
shutil.rmtree(hard, ignore_errors=True)
locks = "--user 1000:1000 --security-opt no-new-privileges --read-only"
%oci bundle create {locks} $lesson.image $hard
%oci check 10-hard
""",
            """
hard = lesson.directory / "hard"
shutil.rmtree(hard, ignore_errors=True)
locks = "--user 1000:1000 --cap-drop ALL --security-opt no-new-privileges --read-only"
%oci bundle create {locks} --security-opt seccomp=unconfined $lesson.image $hard
%oci check 10-hard
""",
        ),
        answered=False,
    ),
)

"""The rules, each with its section and what is wrong where a runtime does not keep it.

A rule judges what ``lives`` saw, and asks nothing of the runtime itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.course.conformance import rootfs
from ocinb.course.conformance.lives import KINDS
from ocinb.course.words import Words, words
from ocinb.frozen import Frozen
from ocinb.spec.runtime_state import CREATED, RUNNING, STOPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    Seen = dict[str, Any]

LIFE, ORDER, ENVIRONMENT, PROCESS, HOOKS = "life", "order", "environment", "process", "hooks"
PARTS = (LIFE, ORDER, ENVIRONMENT, PROCESS, HOOKS)

_CREATE = words("it failed", "失败了")
_DID_NOT_RUN = words("the program did not run", "程序没有运行")
NOT_REACHED = words("it did not get that far", "没有走到这一步")
_SUCCEEDED = words("no error", "没有报错")
_NOT_CALLED = words("not called", "没有调用")
_NO_SCRATCH = words("/scratch is not mounted", "/scratch 没有挂载")
_OUTSIDE = words("it has no root of its own", "没有自己的根")


class Rule(Frozen):
    """One rule of the specification.

    Attributes:
        name: short, unique.
        part: of a runtime, one of ``PARTS``.
        text: what must be so.
        section: ``FILE#ANCHOR`` of the runtime specification.
        life: in which life it shows, a name in ``lives.LIVES``.
        judge: what is wrong, None where nothing is; a KeyError where it was not reached.
    """

    name: str
    part: str
    text: Words
    section: str
    life: str
    judge: Callable[[Seen], Words | None]

    def verdict(self, seen: Seen) -> Words | None:
        """What is wrong with what was seen, None where nothing is."""
        try:
            return self.judge(seen)
        except KeyError:
            return NOT_REACHED


def _complaint(seen: Seen) -> str:
    return f": {seen['complaint']}" if seen["complaint"] else ""


def _when(fault: bool, words: Words) -> Words | None:
    return words if fault else None


def _said(seen: Seen, name: str) -> list[str]:
    """The values that the program has said under a name."""
    lines = [line.partition("=") for line in seen["said"].splitlines()]
    return [value.strip() for key, _, value in lines if key == name]


def _ran(seen: Seen) -> Words | None:
    return _when(rootfs.READY not in seen["said"], _DID_NOT_RUN)


def _in_root(seen: Seen) -> Words | None:
    """Whether the program ran in its own root: else it tells of the host."""
    return _ran(seen) or _when("ours" not in _said(seen, "root"), _OUTSIDE)


def _is(seen: Seen, name: str, wanted: str) -> Words | None:
    found = ", ".join(_said(seen, name))
    return _when(found != wanted, Words(en=f"it is {found}", zh=f"是 {found}"))


def _has(seen: Seen, name: str, value: str, fault: Words) -> Words | None:
    return _in_root(seen) or _when(value not in _said(seen, name), fault)


def _status(state: Seen, wanted: str) -> Words | None:
    status = state.get("status", "unknown")
    return _when(status != wanted, Words(en=f"it says {status}", zh=f"说的是 {status}"))


# life


def _created(seen: Seen) -> Words | None:
    if seen["create"]:
        return Words(en=_CREATE.en + _complaint(seen), zh=_CREATE.zh + _complaint(seen))
    return _status(seen["created"], CREATED) or _when(
        not seen["alive"], words("pid is no process", "pid 不是一个进程")
    )


def _document(seen: Seen) -> Words | None:
    state = seen["created"]
    if not state:
        return NOT_REACHED
    missing = [key for key in ("ociVersion", "id", "status", "pid", "bundle") if key not in state]
    listed = ", ".join(missing)
    return _when(bool(missing), Words(en=f"without {listed}", zh=f"缺少 {listed}"))


def _waits(seen: Seen) -> Words | None:
    early = words("it ran before start", "start 之前就运行了")
    return _when(bool(seen["early"]), early) or _ran(seen)


def _starts(seen: Seen) -> Words | None:
    if seen["start"] or rootfs.READY not in seen["said"] + seen["early"]:
        return _DID_NOT_RUN
    return _status(seen["running"], RUNNING)


def _signals(seen: Seen) -> Words | None:
    return _when(bool(seen["kill"]) or not seen["heard"], words("it did not arrive", "没有送达"))


def _unchanged(seen: Seen) -> Words | None:
    changed = "changed=yes" in seen["said"]
    return _when(changed, words("the new one was run", "运行的是改过的")) or _ran(seen)


def _gone(seen: Seen) -> Words | None:
    return _when(bool(seen["delete"]) or bool(seen["left"]), words("it is still there", "它还在"))


def _free(seen: Seen) -> Words | None:
    return _when(bool(seen["id again"]), words("it was refused", "被拒绝了"))


# order


def _unknown(seen: Seen) -> Words | None:
    done = ", ".join(operation for operation, worked in seen["unknown"].items() if worked)
    return _when(bool(done), Words(en=f"no error: {done}", zh=f"没有报错：{done}"))


def _refused(key: str) -> Callable[[Seen], Words | None]:
    return lambda seen: _when(seen[key] == 0, _SUCCEEDED)


def _kept(when: str, status: str) -> Callable[[Seen], Words | None]:
    def judge(seen: Seen) -> Words | None:
        if not seen[f"after {when}"]:
            return words("it was deleted", "被删掉了")
        return _when(seen[f"delete {when}"] == 0, _SUCCEEDED) or _status(
            seen[f"after {when}"], status
        )

    return judge


# environment


def _namespaces(seen: Seen) -> Words | None:
    shared = [kind for kind in KINDS if kind not in seen["namespaces"]]
    listed = ", ".join(shared)
    return _when(bool(shared), Words(en=f"not its own: {listed}", zh=f"不是自己的：{listed}"))


def _devices(seen: Seen) -> Words | None:
    wanted = ("null", "zero", "full", "random", "urandom", "tty")
    missing = ", ".join(name for name in wanted if name not in _said(seen, "device"))
    return _in_root(seen) or _when(
        bool(missing), Words(en=f"without {missing}", zh=f"缺少 {missing}")
    )


def _readonly_paths(seen: Seen) -> Words | None:
    return _has(seen, "scratch", "mounted", _NO_SCRATCH) or (
        _has(seen, "scratch", "readonly", words("it can be written", "可以写"))
    )


def _impossible(seen: Seen) -> Words | None:
    return _when(seen["create"] == 0, _SUCCEEDED) or _when(
        bool(seen["state"]), words("a container was left", "留下了容器")
    )


# process


def _outer(name: str, wanted: str) -> Callable[[Seen], Words | None]:
    """A rule that can be kept without a root of one's own."""
    return lambda seen: _ran(seen) or _is(seen, name, wanted)


def _capabilities(seen: Seen) -> Words | None:
    wanted = sum(1 << bit for bit in rootfs.CAPABILITIES.values())
    fault = _in_root(seen)
    for name in ("CapBnd", "CapEff"):
        found = "".join(_said(seen, name)).lstrip("0")
        fault = fault or _when(
            found != f"{wanted:x}", Words(en=f"{name} is {found}", zh=f"{name} 是 {found}")
        )
    return fault


def _line(name: str, wanted: str) -> Callable[[Seen], Words | None]:
    """A line of /proc/self/status."""
    return lambda seen: _in_root(seen) or _is(seen, name, wanted)


# hooks


def _called(stage: str, during: str, before: str) -> Callable[[Seen], Words | None]:
    def judge(seen: Seen) -> Words | None:
        if stage in seen.get(before, []):
            return words("too early", "太早")
        if stage not in seen[during]:
            return _NOT_CALLED
        state = seen["told"][stage]["state"]
        if state.get("id") != seen["name"] or "status" not in state:
            return words("it is not given the state", "没有把状态交给它")
        return None

    return judge


def _create_runtime(seen: Seen) -> Words | None:
    fault = _called("createRuntime", "by create", "")(seen)
    if fault is not None:
        return fault
    told = seen["told"]["createRuntime"]
    if told["state"].get("pid") != seen["created"].get("pid"):
        return words("it is not told the pid", "没有告诉它 pid")
    return _when(bool(told["output"]), words("the program ran already", "程序已经运行了"))


def _create_container(seen: Seen) -> Words | None:
    return _called("createContainer", "by create", "")(seen) or _when(
        seen["told"]["createContainer"]["uts"] == seen["uts"],
        words("not in the container's namespaces", "不在容器的命名空间里"),
    )


def _poststart(seen: Seen) -> Words | None:
    return _called("poststart", "by start", "by create")(seen) or _status(
        seen["told"]["poststart"]["state"], RUNNING
    )


def _poststop(seen: Seen) -> Words | None:
    return (
        _called("poststop", "by delete", "by end")(seen)
        or _status(seen["told"]["poststop"]["state"], STOPPED)
        or _when(seen["known"], words("before it is deleted", "在删除之前"))
    )


def _hindered(seen: Seen) -> Words | None:
    return (
        _when("createRuntime" not in seen["order"], _NOT_CALLED)
        or _impossible(seen)
        or _when("poststop" not in seen["order"], _POSTSTOP)
    )


_POSTSTOP = words("poststop is not called", "没有调用 poststop")
_SECCOMP_FILTER = "2"


def _rule(
    name: str,
    part: str,
    section: str,
    judge: Callable[[Seen], Words | None],
    en: str,
    zh: str,
    life: str = "orderly",
) -> Rule:
    return Rule(name=name, part=part, text=words(en, zh), section=section, life=life, judge=judge)


RULES = (
    _rule(
        "create", LIFE, "runtime.md#create", _created, "create makes a container", "create 造出容器"
    ),
    _rule(
        "state", LIFE, "runtime.md#state", _document, "the state is complete", "状态文档是完整的"
    ),
    _rule(
        "waits", LIFE, "runtime.md#create", _waits, "the program waits for start", "程序等待 start"
    ),
    _rule("start", LIFE, "runtime.md#start", _starts, "start runs the program", "start 运行程序"),
    _rule(
        "unchanged",
        LIFE,
        "runtime.md#lifecycle",
        _unchanged,
        "config.json may change after create",
        "create 之后修改 config.json 没有影响",
    ),
    _rule("kill", LIFE, "runtime.md#kill", _signals, "kill sends the signal", "kill 发送信号"),
    _rule(
        "stopped",
        LIFE,
        "runtime.md#state",
        lambda seen: _status(seen["stopped"], STOPPED),
        "whoever has ended is stopped",
        "结束了的状态是 stopped",
    ),
    _rule(
        "delete", LIFE, "runtime.md#delete", _gone, "delete leaves nothing", "delete 之后什么也不剩"
    ),
    _rule("id-free", LIFE, "runtime.md#delete", _free, "then the id is free", "之后 id 可以再用"),
    _rule(
        "unknown",
        ORDER,
        "runtime.md#operations",
        _unknown,
        "an unknown id is an error",
        "未知的 id 要报错",
    ),
    _rule(
        "id-taken",
        ORDER,
        "runtime.md#create",
        _refused("again"),
        "an id is taken once",
        "id 只能用一次",
    ),
    _rule(
        "delete-created",
        ORDER,
        "runtime.md#delete",
        _kept("created", CREATED),
        "what is created is not deleted",
        "created 的不能删除",
        "hasty",
    ),
    _rule(
        "start-running",
        ORDER,
        "runtime.md#start",
        _refused("start again"),
        "what runs is not started",
        "running 的不能启动",
    ),
    _rule(
        "delete-running",
        ORDER,
        "runtime.md#delete",
        _kept("running", RUNNING),
        "what runs is not deleted",
        "running 的不能删除",
        "hasty",
    ),
    _rule(
        "start-stopped",
        ORDER,
        "runtime.md#start",
        _refused("start stopped"),
        "what is stopped is not started",
        "stopped 的不能启动",
    ),
    _rule(
        "kill-stopped",
        ORDER,
        "runtime.md#kill",
        _refused("kill stopped"),
        "what is stopped is not killed",
        "stopped 的不能发信号",
    ),
    _rule(
        "root",
        ENVIRONMENT,
        "config.md#root",
        _in_root,
        "its root is root.path",
        "根是 root.path",
    ),
    _rule(
        "namespaces",
        ENVIRONMENT,
        "config-linux.md#namespaces",
        _namespaces,
        "it has its own namespaces",
        "命名空间是自己的",
    ),
    _rule(
        "process-1",
        ENVIRONMENT,
        "config-linux.md#namespaces",
        lambda seen: _in_root(seen) or _is(seen, "pid", "1"),
        "the program is process 1",
        "程序是 1 号进程",
    ),
    _rule(
        "hostname",
        ENVIRONMENT,
        "config.md#hostname",
        lambda seen: _in_root(seen) or _is(seen, "hostname", rootfs.HOSTNAME),
        "it has the host name",
        "主机名正确",
    ),
    _rule(
        "mounts",
        ENVIRONMENT,
        "config.md#mounts",
        lambda seen: _has(seen, "scratch", "mounted", _NO_SCRATCH),
        "mounts are made",
        "mounts 都挂载了",
    ),
    _rule(
        "impossible",
        ENVIRONMENT,
        "runtime.md#create",
        _impossible,
        "what cannot be made is an error",
        "做不到就要报错",
        "impossible",
    ),
    _rule(
        "root-readonly",
        ENVIRONMENT,
        "config.md#root",
        lambda seen: _has(seen, "root", "readonly", words("it can be written", "可以写")),
        "root.readonly: nobody writes",
        "root.readonly：不能写",
    ),
    _rule(
        "devices",
        ENVIRONMENT,
        "config-linux.md#default-devices",
        _devices,
        "the default devices are there",
        "默认设备都在",
    ),
    _rule(
        "masked",
        ENVIRONMENT,
        "config-linux.md#masked-paths",
        lambda seen: (
            _in_root(seen)
            or _when("told" in _said(seen, "secret"), words("it can be read", "读得到"))
        ),
        "maskedPaths cannot be read",
        "maskedPaths 读不到",
    ),
    _rule(
        "readonly-paths",
        ENVIRONMENT,
        "config-linux.md#readonly-paths",
        _readonly_paths,
        "readonlyPaths cannot be written",
        "readonlyPaths 不能写",
    ),
    _rule(
        "cwd",
        PROCESS,
        "config.md#process",
        _outer("cwd", rootfs.WORKING_DIRECTORY),
        "cwd: where it starts",
        "cwd：从哪里开始",
    ),
    _rule(
        "env",
        PROCESS,
        "config.md#process",
        _outer("word", rootfs.WORD),
        "env: its variables",
        "env：它的变量",
    ),
    _rule(
        "rlimits",
        PROCESS,
        "config.md#posix-process",
        _outer("nofile", " ".join(map(str, rootfs.OPEN_FILES))),
        "rlimits: its limits",
        "rlimits：它的限额",
    ),
    _rule(
        "capabilities",
        PROCESS,
        "config.md#linux-process",
        _capabilities,
        "capabilities: no more than these",
        "capabilities：只有这些权能",
    ),
    _rule(
        "no-new-privileges",
        PROCESS,
        "config.md#linux-process",
        _line("NoNewPrivs", "1"),
        "noNewPrivileges is on",
        "noNewPrivileges 打开了",
    ),
    _rule(
        "seccomp",
        PROCESS,
        "config-linux.md#seccomp",
        _line("Seccomp", _SECCOMP_FILTER),
        "seccomp: a filter is on",
        "seccomp：过滤器打开了",
    ),
    _rule(
        "createRuntime",
        HOOKS,
        "config.md#createruntime-hooks",
        _create_runtime,
        "createRuntime, by create",
        "createRuntime，在 create 里",
        "hooked",
    ),
    _rule(
        "createContainer",
        HOOKS,
        "config.md#createcontainer-hooks",
        _create_container,
        "createContainer, inside",
        "createContainer，在里面",
        "hooked",
    ),
    _rule(
        "poststart",
        HOOKS,
        "config.md#poststart",
        _poststart,
        "poststart, by start",
        "poststart，在 start 里",
        "hooked",
    ),
    _rule(
        "poststop",
        HOOKS,
        "config.md#poststop",
        _poststop,
        "poststop, after delete",
        "poststop，在 delete 之后",
        "hooked",
    ),
    _rule(
        "failed-hook",
        HOOKS,
        "runtime.md#lifecycle",
        _hindered,
        "one that fails undoes create",
        "失败的钩子撤销 create",
        "hindered",
    ),
)
"""In the order in which they are shown."""

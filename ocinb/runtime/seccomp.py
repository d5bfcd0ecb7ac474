"""linux.seccomp: compiled before the container's process is made, loaded by it last of all.

Spec: runtime-spec config-linux.md#seccomp
"""

from __future__ import annotations

from ocinb.errors import InvalidConfig
from ocinb.frozen import Frozen
from ocinb.plain_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.seccomp import Rule
    from ocinb.runtime.log import Log

_CITATION = "runtime-spec config-linux.md#seccomp"
_DEFAULT_ERRNO = 1  # EPERM


class Filter(Frozen):
    """A filter, ready to be loaded.

    Attributes:
        program: for the kernel.
        flags: of seccomp(2).
        listener: path of the socket that gets the notifications; empty where there are none.
        metadata: goes with it.
    """

    program: bytes
    flags: int
    listener: str = ""
    metadata: str = ""


_MADE: dict[str, Filter] = {}
"""Description → filter. Making one takes longer than everything else in create together."""


def compile_seccomp(linux: dict[str, Any], log: Log) -> Filter | None:
    """The filter that ``linux.seccomp`` describes; None where there is none.

    What this process, or the one that it was forked from, has made already is not made again.

    Raises:
        InvalidConfig: a combination that cannot be.
        UnsupportedHost: libseccomp is missing or too old.

    Spec: runtime-spec config-linux.md#seccomp
    """
    seccomp = linux.get("seccomp")
    if not seccomp:
        return None
    described = dumps(seccomp)
    if described not in _MADE:
        _MADE[described] = _compile(seccomp, log)
    return _MADE[described]


def _compile(seccomp: dict[str, Any], log: Log) -> Filter:
    # Only now: loading the library costs, and most of its names are needed by nobody else.
    from ocinb.linux.flags import SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_TSYNC
    from ocinb.linux.seccomp import FLAGS, NOTIFY, compile_filter

    default = _action(seccomp["defaultAction"], seccomp.get("defaultErrnoRet"))
    rules = [rule for entry in seccomp.get("syscalls") or [] for rule in _rules(entry)]
    program, unknown = compile_filter(default, rules, seccomp.get("architectures") or [])
    if unknown:
        log.debug(f"linux.seccomp: libseccomp does not know {', '.join(dict.fromkeys(unknown))}")
    flags = 0
    for name in seccomp.get("flags") or []:
        flags |= FLAGS[name]
    listener = ""
    if any(action == NOTIFY for action in (default, *(rule.action for rule in rules))):
        _check_notified(default, rules)
        listener = seccomp.get("listenerPath") or ""
        # The kernel refuses both together, and there is one thread only.
        flags = flags & ~SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER
    return Filter(
        program=program,
        flags=flags,
        listener=listener,
        metadata=seccomp.get("listenerMetadata") or "",
    )


def _action(name: str, number: int | None) -> int:
    from ocinb.linux.seccomp import ACTIONS, WITH_DATA

    if name not in WITH_DATA:
        return ACTIONS[name]
    return ACTIONS[name] | ((_DEFAULT_ERRNO if number is None else number) & 0xFFFF)


def _rules(entry: dict[str, Any]) -> list[Rule]:
    from ocinb.linux.seccomp import OPERATORS, Comparison, Rule

    action = _action(entry["action"], entry.get("errnoRet"))
    comparisons = tuple(
        Comparison(
            index=argument["index"],
            operator=OPERATORS[argument["op"]],
            value=argument["value"],
            second=argument.get("valueTwo") or 0,
        )
        for argument in entry.get("args") or []
    )
    return [Rule(name=name, action=action, comparisons=comparisons) for name in entry["names"]]


def _check_notified(default: int, rules: list[Rule]) -> None:
    """Refuse notification of the call that hands the listener over: it would wait for ever."""
    from ocinb.linux.seccomp import NOTIFY

    if default == NOTIFY:
        raise InvalidConfig(
            "linux.seccomp.defaultAction in config.json cannot be SCMP_ACT_NOTIFY: "
            "the listener could never be handed over",
            citation=_CITATION,
        )
    if any(rule.name == "sendmsg" and rule.action == NOTIFY for rule in rules):
        raise InvalidConfig(
            "linux.seccomp.syscalls in config.json cannot notify of sendmsg: "
            "the listener is handed over by it",
            citation=_CITATION,
        )

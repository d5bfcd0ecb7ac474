"""What two config.json say otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ocinb.bundle.field_path import general

Difference = tuple[str, Any, Any]
"""Path, value in the first, value in the second; ``MISSING`` where there is none."""


class _Missing:
    def __repr__(self) -> str:
        return "-"


MISSING: Any = _Missing()


def _itself(member: Any) -> str:
    return str(member)


def _by(name: str) -> Callable[[Any], str]:
    def key(member: Any) -> str:
        return str(member.get(name)) if isinstance(member, dict) else str(member)

    return key


def _variable(member: Any) -> str:
    return str(member).partition("=")[0]


_SET_LIKE: dict[str, Callable[[Any], str]] = {
    "linux.namespaces": _by("type"),
    "linux.devices": _by("path"),
    "linux.maskedPaths": _itself,
    "linux.readonlyPaths": _itself,
    "linux.resources.hugepageLimits": _by("pageSize"),
    "linux.seccomp.architectures": _itself,
    "linux.seccomp.flags": _itself,
    "linux.seccomp.syscalls[].names": _itself,
    "process.env": _variable,
    "process.rlimits": _by("type"),
    "process.user.additionalGids": _itself,
    "mounts[].options": _itself,
    **{
        f"process.capabilities.{name}": _itself
        for name in ("bounding", "effective", "inheritable", "permitted", "ambient")
    },
}
"""Arrays whose order means nothing → what their members are told apart by.

Of ``mounts[].options`` a later word can overrule an earlier one, but words in another order that
do so are not seen in the wild.
"""

_KEYED: dict[str, Callable[[Any], str]] = {"mounts": _by("destination")}
"""Arrays whose order means something, but whose members have names: first by name, then order."""


def diff(one: Any, other: Any) -> list[Difference]:
    """All differences, by path; the order of members counts only where it means something.

    A path names members of such arrays in words: ``linux.namespaces[user]``.

    Spec: runtime-spec config.md#configuration
    """
    return list(_differences(one, other, ""))


def _differences(one: Any, other: Any, path: str) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys([*one, *other]):
            below = f"{path}.{name}" if path else str(name)
            yield from _differences(one.get(name, MISSING), other.get(name, MISSING), below)
    elif isinstance(one, list) and isinstance(other, list):
        yield from _lists(one, other, path)
    elif type(one) is not type(other) or one != other:
        yield path, one, other


def _lists(one: list[Any], other: list[Any], path: str) -> Iterator[Difference]:
    field = general(re.sub(r"\[[^\]]*\]", "[]", path))
    key = _SET_LIKE.get(field) or _KEYED.get(field)
    if key is None or not (_unique(one, key) and _unique(other, key)):
        for number in range(max(len(one), len(other))):
            yield from _differences(_at(one, number), _at(other, number), f"{path}[{number}]")
        return
    ours = {key(member): member for member in one}
    theirs = {key(member): member for member in other}
    for name in dict.fromkeys([*ours, *theirs]):
        yield from _differences(
            ours.get(name, MISSING), theirs.get(name, MISSING), f"{path}[{name}]"
        )
    if field in _KEYED:
        order = [name for name in ours if name in theirs]
        there = [name for name in theirs if name in ours]
        if order != there:
            yield f"{path} (order)", order, there


def _unique(members: list[Any], key: Callable[[Any], str]) -> bool:
    return len({key(member) for member in members}) == len(members)


def _at(members: list[Any], number: int) -> Any:
    return members[number] if number < len(members) else MISSING

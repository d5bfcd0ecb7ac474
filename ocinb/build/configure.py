"""Instructions that only change how an image wants to be run.

Spec: none (Dockerfile reference)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ocinb.build.dockerfile import Instruction, parse_one
from ocinb.build.expand import Lookup, expand
from ocinb.build.wishes import Wishes
from ocinb.errors import BuildError

_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+", re.ASCII)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_HEALTH = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
    "retries": "Retries",
}


def configure(
    instruction: Instruction, wishes: Wishes, lookup: Lookup, *, keep_cmd: bool = True
) -> None:
    """Do what an instruction says to the execution parameters.

    Args:
        instruction: one of ``CONFIGURING``.
        lookup: the variables that it may use.
        keep_cmd: whether a new entrypoint leaves the command that there is.

    Raises:
        BuildError: its arguments are malformed.
    """
    _APPLY[instruction.name](instruction, wishes, lookup, keep_cmd)


def pairs(instruction: Instruction, lookup: Lookup) -> dict[str, str]:
    """``NAME=value …`` or, in the old form, ``NAME value``.

    Raises:
        BuildError: a word without ``=`` among others that have one.
    """
    listed = instruction.words
    if "=" not in listed[0]:
        name, *rest = instruction.arguments.split(maxsplit=1)
        if not rest:
            raise instruction.error(f"{name} has no value", hint=f"{instruction.name} NAME=value")
        return {
            expand(name, lookup, instruction.escape): expand(rest[0], lookup, instruction.escape)
        }
    found = {}
    for word in listed:
        name, equals, value = word.partition("=")
        if not equals:
            raise instruction.error(
                f"{word} has no =", hint='a value with white space is quoted: NAME="a b"'
            )
        found[expand(name, lookup, instruction.escape)] = expand(value, lookup, instruction.escape)
    return found


def command(instruction: Instruction, wishes: Wishes) -> list[str]:
    """A command in exec form as it stands, one in shell form behind the shell."""
    if instruction.json is not None:
        return instruction.json
    return [*wishes.shell_words(), instruction.arguments] if instruction.arguments else []


def listed(instruction: Instruction, lookup: Lookup) -> list[str]:
    """Words, or the texts of a JSON array, with variables filled in."""
    found = instruction.json if instruction.json is not None else instruction.words
    return [expand(word, lookup, instruction.escape) for word in found]


def _env(instruction: Instruction, wishes: Wishes, lookup: Lookup, _: bool) -> None:
    wishes.env(pairs(instruction, lookup))


def _label(instruction: Instruction, wishes: Wishes, lookup: Lookup, _: bool) -> None:
    wishes.label(pairs(instruction, lookup))


def _expose(instruction: Instruction, wishes: Wishes, lookup: Lookup, _: bool) -> None:
    wishes.expose([port for word in listed(instruction, lookup) for port in word.split()])


def _volume(instruction: Instruction, wishes: Wishes, lookup: Lookup, _: bool) -> None:
    wishes.volume(listed(instruction, lookup))


def _user(instruction: Instruction, wishes: Wishes, lookup: Lookup, _: bool) -> None:
    wishes.user(expand(instruction.arguments, lookup, instruction.escape))


def _workdir(instruction: Instruction, wishes: Wishes, lookup: Lookup, _: bool) -> None:
    wishes.workdir(expand(instruction.arguments, lookup, instruction.escape))


def _entrypoint(instruction: Instruction, wishes: Wishes, _lookup: Lookup, keep_cmd: bool) -> None:
    wishes.entrypoint(command(instruction, wishes))
    if not keep_cmd:
        wishes.cmd(None)


def _cmd(instruction: Instruction, wishes: Wishes, _lookup: Lookup, _: bool) -> None:
    wishes.cmd(command(instruction, wishes))


def _stop_signal(instruction: Instruction, wishes: Wishes, lookup: Lookup, _: bool) -> None:
    wishes.stop_signal(expand(instruction.arguments, lookup, instruction.escape))


def _shell(instruction: Instruction, wishes: Wishes, _lookup: Lookup, _: bool) -> None:
    if not instruction.json:
        raise BuildError("a shell is given in exec form", hint='as in SHELL ["/bin/bash", "-c"]')
    wishes.shell(instruction.json)


def _on_build(instruction: Instruction, wishes: Wishes, _lookup: Lookup, _: bool) -> None:
    trigger = parse_one(instruction.arguments, instruction)
    if trigger.name in ("ONBUILD", "FROM", "MAINTAINER"):
        raise BuildError(f"{trigger.name} cannot be a trigger")
    wishes.on_build(instruction.arguments)


def _health_check(instruction: Instruction, wishes: Wishes, _lookup: Lookup, _: bool) -> None:
    """Spec: none (Docker convention)"""
    kind, _space, rest = instruction.arguments.partition(" ")
    if kind.upper() == "NONE":
        wishes.health_check({"Test": ["NONE"]})
        return
    if kind.upper() != "CMD" or not rest.strip():
        raise BuildError("a health check is CMD and a command, or NONE")
    test = parse_one(f"CMD {rest.strip()}", instruction)
    document: dict[str, Any] = {
        "Test": ["CMD", *test.json] if test.json is not None else ["CMD-SHELL", test.arguments]
    }
    for name, value in instruction.flags:
        if name not in _HEALTH:
            raise BuildError(f"there is no --{name}", hint=f"there are --{', --'.join(_HEALTH)}")
        document[_HEALTH[name]] = _number(value) if name == "retries" else _nanoseconds(value)
    wishes.health_check(document)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BuildError(f"{text!r} is not a number")
    return int(text)


def _nanoseconds(text: str) -> int:
    if not _DURATION.fullmatch(text) or len(text) > 40:
        raise BuildError(f"{text!r} is not a duration", hint="as in 30s or 1m30s")
    return round(sum(float(amount) * _NANOSECONDS[unit] for amount, unit in _PART.findall(text)))


_APPLY: dict[str, Callable[[Instruction, Wishes, Lookup, bool], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health_check,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "SHELL": _shell,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}

CONFIGURING = frozenset(_APPLY)
"""Instructions that change execution parameters; ``WORKDIR`` makes its directory, too."""

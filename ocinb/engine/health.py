"""How a container's health is checked: what an image says, and what a person says over it.

``health_watch.py`` does it.

Spec: none (Docker convention: HEALTHCHECK)
"""

from __future__ import annotations

import json

from ocinb.errors import CommandError
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ocinb.bundle.options import Health

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
SHOWN = 4096
"""Bytes of what a check writes that are remembered."""
TIMED_OUT = -1
"""The exit status of a check that took too long."""

_KEPT = 5
"""Checks that are remembered."""
_SHELL = ("/bin/sh", "-c")
_NONE, _WORDS, _LINE = "NONE", "CMD", "CMD-SHELL"
_INTERVAL, _TIMEOUT, _RETRIES = 30.0, 30.0, 3
_SHORTEST = 0.1
"""Seconds between checks at least, whatever an image says."""
_NANOSECONDS = 1e9


class HealthCheck(Frozen):
    """A check.

    Attributes:
        command: the program that is run, and its arguments; status 0 means healthy.
        interval: seconds between checks.
        timeout: seconds that one may take.
        start_period: seconds from the start in which a failure does not count.
        retries: failures, one after the other, that mean unhealthy.
    """

    command: tuple[str, ...]
    interval: float = _INTERVAL
    timeout: float = _TIMEOUT
    start_period: float = 0.0
    retries: int = _RETRIES


def health_check(wished: Health, image: Mapping[str, Any] | None) -> HealthCheck | None:
    """The check of a container; None: its health is not asked for.

    Args:
        wished: what a person said.
        image: ``Healthcheck`` of the image config.

    Raises:
        CommandError: how often is said, but not what.
    """
    if wished.off:
        return None
    said = image if isinstance(image, dict) else {}
    command = wished.command or _command(said.get("Test"))
    if not command:
        if any(value is not None for value in wished.numbers):
            raise CommandError(
                "there is nothing to check: the image has no health check",
                hint="--health-cmd COMMAND says what",
            )
        return None
    values = {
        "interval": _seconds(wished.interval, said.get("Interval"), _INTERVAL),
        "timeout": _seconds(wished.timeout, said.get("Timeout"), _TIMEOUT),
        "start_period": _seconds(wished.start_period, said.get("StartPeriod"), 0.0),
    }
    retries = wished.retries or _count(said.get("Retries"))
    values["interval"] = max(values["interval"], _SHORTEST)
    return HealthCheck(command=tuple(command), retries=retries, **values)


def after(
    before: Mapping[str, Any], check: HealthCheck, result: Mapping[str, Any], began: float
) -> dict[str, Any]:
    """A container's health once a check has ended.

    Args:
        before: its health so far: ``status``, ``failing``, ``log``; empty: no check has ended yet.
        result: of the check: ``exit_status``, ``output``, ``start`` and ``end``.
        began: when the container was started, seconds since the epoch.
    """
    status, failing = before.get("status", STARTING), before.get("failing", 0)
    if result["exit_status"] == 0:
        status, failing = HEALTHY, 0
    elif status != STARTING or result["end"] - began >= check.start_period:
        failing += 1
        status = UNHEALTHY if failing >= check.retries else status
    log = [*before.get("log", ()), dict(result)][-_KEPT:]
    return {"status": status, "failing": failing, "log": log}


def too_long(check: HealthCheck) -> str:
    """What is said of a check that had to be killed."""
    return f"it took longer than {check.timeout:g} s"


def parse_command(text: str) -> tuple[str, ...]:
    """The command of a ``--health-cmd``: a line for the shell, or a JSON array of words.

    Raises:
        CommandError: it is neither.
    """
    if not text.startswith("["):
        command: Sequence[str] = (*_SHELL, text) if text.strip() else ()
    else:
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        command = _command(words) or _words(words)
    if not command:
        raise CommandError(
            f"--health-cmd {text} is not a command",
            hint="""a line for the shell, or '["program", "argument"]'""",
        )
    return tuple(command)


def _command(test: object) -> tuple[str, ...]:
    """The command of ``Test``; none where it is ``NONE``, or not understood."""
    kind, *words = _words(test) or [_NONE]
    if not words:
        return ()
    if kind == _WORDS:
        return tuple(words)
    return (*_SHELL, words[0]) if kind == _LINE else ()


def _words(value: object) -> list[str]:
    """What is a list of arguments for a program; else none."""
    if isinstance(value, list) and all(isinstance(w, str) and "\0" not in w for w in value):
        return value
    return []


def _seconds(wished: float | None, nanoseconds: object, otherwise: float) -> float:
    if wished is not None:
        return wished
    if isinstance(nanoseconds, int) and 0 < nanoseconds < 2**63:
        return nanoseconds / _NANOSECONDS
    return otherwise


def _count(said: object) -> int:
    return said if isinstance(said, int) and 0 < said < 10**6 else _RETRIES

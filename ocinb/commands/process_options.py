"""Options of ``run`` about the container's process: config.json's ``process``."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING, Any

from ocinb.commands.field_option import FieldOption
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OPTIONS = (
    FieldOption(
        "-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="Environment.",
        sets="process.env",
    ),
    FieldOption(
        "--env-file", multiple=True, metavar="FILE", help="Environment, a NAME=VALUE a line.",
        sets="process.env",
    ),
    FieldOption("-w", "--workdir", metavar="DIR", help="Working directory.", sets="process.cwd"),
    FieldOption(
        "-u", "--user", metavar="USER[:GROUP]", help="Names or numbers.", sets="process.user"
    ),
    FieldOption(
        "--group-add", multiple=True, metavar="GROUP", help="One more group, by name or number.",
        sets="process.user.additionalGids",
    ),
    FieldOption(
        "--entrypoint", metavar="COMMAND", help="In place of the image's; '' for none.",
        sets="process.args",
    ),
    FieldOption(
        "--init", is_flag=True, help="A first process that collects orphans, passes on signals.",
        sets="process.args mounts",
    ),
    FieldOption(
        "-t", "--tty", is_flag=True, help="A terminal for the program.", sets="process.terminal"
    ),
    FieldOption(
        "--umask", metavar="OCTAL", help="File mode creation mask.", sets="process.user.umask"
    ),
    FieldOption(
        "--ulimit", multiple=True, metavar="NAME=SOFT[:HARD]", help="Resource limit; -1: none.",
        sets="process.rlimits",
    ),
    FieldOption(
        "--oom-score-adj", type=int, metavar="NUMBER", help="-1000 (never killed) to 1000.",
        sets="process.oomScoreAdj",
    ),
    FieldOption(
        "--stop-signal", metavar="SIGNAL", help="What stop sends first.",
        sets="annotations.org.opencontainers.image.stopSignal",
    ),
    FieldOption(
        "--stop-timeout", type=int, metavar="SECONDS", help="How long stop waits before KILL.",
        sets="annotations.ocinb.stopTimeout",
    ),
)  # fmt: skip

_LIMITS = (
    "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
    "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
)  # fmt: skip
_UNLIMITED = 2**64 - 1
_LARGEST_FILE = 1 << 20


def variables(files: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Environment as ``NAME=value``: what ``--env-file`` and then what ``--env`` names.

    Raises:
        CommandError: a file cannot be read, or a name is none.
    """
    return [
        *(entry for path in files for entry in _env_file(path)),
        *(entry for text in texts for entry in _variable("--env", text)),
    ]


def wishes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``ContainerOptions`` by what was typed.

    Raises:
        CommandError: a value is not what its option takes.
    """
    timeout, entrypoint, score = (
        values["stop_timeout"],
        values["entrypoint"],
        values["oom_score_adj"],
    )
    if score is not None and not -1000 <= score <= 1000:
        raise CommandError(f"--oom-score-adj {score} is not between -1000 and 1000")
    if timeout is not None and timeout < 0:
        raise CommandError(f"--stop-timeout {timeout} lies in the past")
    return {
        "env": variables(values["env_file"], values["env"]),
        "cwd": _absolute("--workdir", values["workdir"]),
        "user": values["user"],
        "additional_groups": values["group_add"],
        "entrypoint": None if entrypoint is None else _program("--entrypoint", entrypoint),
        "init": values["init"],
        "terminal": values["tty"],
        "umask": _octal(values["umask"]),
        "rlimits": list({name: (name, soft, hard) for name, soft, hard in
                         map(_ulimit, values["ulimit"])}.values()),
        "oom_score_adj": score,
        "stop_signal": _signal(values["stop_signal"]),
        "stop_timeout": timeout,
    }  # fmt: skip


def _variable(option: str, text: str) -> Iterator[str]:
    """``NAME`` alone takes the value that it has here, if any. Spec: none (Docker convention)"""
    name, equals, _ = text.partition("=")
    if not name or "\0" in text:
        raise CommandError(f"{option} {text!r} is not NAME=VALUE")
    if equals:
        yield text
    elif name in os.environ:
        yield f"{name}={os.environ[name]}"


def _env_file(path: str) -> Iterator[str]:
    """A variable a line; values are taken as they stand. Spec: none (Docker convention)"""
    try:
        with open(path, "rb") as file:
            text = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise CommandError(f"--env-file {path} cannot be read: {reason}") from None
    if len(text) > _LARGEST_FILE:
        raise CommandError(f"--env-file {path} has more than {_LARGEST_FILE:,} bytes")
    for number, raw in enumerate(os.fsdecode(text.removeprefix(b"\xef\xbb\xbf")).split("\n"), 1):
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        if any(character.isspace() for character in line.partition("=")[0]):
            raise CommandError(f"--env-file {path}, line {number}: a name with a space in it")
        yield from _variable(f"--env-file {path}, line {number}:", line)


def _absolute(option: str, path: str | None) -> str | None:
    if path is not None and (not path.startswith("/") or "\0" in path):
        raise CommandError(f"{option} {path} is not an absolute path")
    return path


def _program(option: str, text: str) -> list[str]:
    """Words as a shell takes them, or a JSON array of them. Spec: none (podman convention)"""
    if not text.startswith("["):
        return _words(option, text)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not (isinstance(found, list) and all(isinstance(word, str) for word in found)):
        raise CommandError(
            f"{option} {text} is not a JSON array of words",
            hint="""in quotes for the shell, as in '["sh", "-c"]'""",
        )
    return found


def _words(option: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise CommandError(f"{option} {text}: a quotation mark is not closed") from None


def _octal(text: str | None) -> int | None:
    try:
        number = None if text is None else int(text, 8)
    except ValueError:
        number = -1
    if number is not None and not 0 <= number <= 0o7777:
        raise CommandError(f"--umask {text} is not an octal number", hint="as in 022")
    return number


def _ulimit(text: str) -> tuple[str, int, int]:
    name, _, numbers = text.partition("=")
    soft, _, hard = numbers.partition(":")
    try:
        limits = int(soft), int(hard or soft)
    except ValueError:
        limits = (-2, -2)
    if min(limits) < -1:
        raise CommandError(
            f"--ulimit {text} is not NAME=SOFT[:HARD]", hint="as in --ulimit nofile=1024:2048"
        )
    if name.lower() not in _LIMITS:
        raise CommandError(
            f"--ulimit {text}: there is no limit {name}", hint=f"one of {', '.join(_LIMITS)}"
        )
    low, high = (_UNLIMITED if limit < 0 else limit for limit in limits)
    if low > high:
        raise CommandError(f"--ulimit {text}: the soft limit is above the hard one")
    return f"RLIMIT_{name.upper()}", low, high


def _signal(text: str | None) -> str | None:
    from ocinb.engine.operations import signal_number

    if text is not None:
        signal_number(text)
    return text

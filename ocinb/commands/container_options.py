"""The options of ``run`` and ``bundle`` that become fields of config.json."""

from __future__ import annotations

import functools
import json
import os
import shlex
from typing import TYPE_CHECKING, Any

import click

from ocinb.errors import CommandError
from ocinb.spec.lifecycle import HOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ocinb.bundle.options import ContainerOptions

    Decorated = Callable[..., Any]

_OPTIONS = (
    click.option("-e", "--env", multiple=True, metavar="NAME[=VALUE]", help="Environment."),
    click.option("-w", "--workdir", metavar="DIR", help="Working directory."),
    click.option("-u", "--user", metavar="USER[:GROUP]", help="Names or numbers."),
    click.option("--hostname", metavar="NAME", help="Host name inside."),
    click.option("--entrypoint", metavar="COMMAND", help="In place of the image's; '' for none."),
    click.option("-v", "--volume", multiple=True, metavar="DIR:PATH[:ro]", help="Bind mount."),
    click.option("--tmpfs", multiple=True, metavar="PATH[:OPTIONS]", help="A tmpfs at PATH."),
    click.option("--read-only", is_flag=True, help="The root filesystem cannot be written."),
    click.option("-t", "--tty", is_flag=True, help="A terminal for the program."),
    click.option(
        "--network",
        type=click.Choice(["none", "host"]),
        default="none",
        help="none: loopback only; host: that of this machine.",
    ),
    click.option("--cap-add", multiple=True, metavar="CAP", help="Add a capability, or ALL."),
    click.option("--cap-drop", multiple=True, metavar="CAP", help="Drop a capability, or ALL."),
    click.option("--ulimit", multiple=True, metavar="NAME=SOFT[:HARD]", help="Resource limit."),
    click.option("--umask", metavar="OCTAL", help="File mode creation mask."),
    click.option("--sysctl", multiple=True, metavar="NAME=VALUE", help="Kernel parameter."),
    click.option(
        "--security-opt",
        multiple=True,
        metavar="OPTION",
        help="no-new-privileges, seccomp=unconfined, seccomp=FILE.",
    ),
    click.option("--annotation", multiple=True, metavar="NAME=VALUE", help="For config.json."),
    click.option("--hook", multiple=True, metavar="STAGE=COMMAND", help=", ".join(HOOKS) + "."),
)


def container_options(function: Decorated) -> Decorated:
    """Adds the options, and passes them as one ``options`` of type ``ContainerOptions``.

    The command must have an argument ``args``: the words behind the image.
    """

    @functools.wraps(function)
    def run(*positional: Any, args: tuple[str, ...], **values: Any) -> Any:
        own = {name: values.pop(name) for name in _NAMES}
        return function(*positional, options=_options(args, **own), **values)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


_NAMES = (
    "env", "workdir", "user", "hostname", "entrypoint", "volume", "tmpfs", "read_only", "tty",
    "network", "cap_add", "cap_drop", "ulimit", "umask", "sysctl", "security_opt", "annotation",
    "hook",
)  # fmt: skip


def _options(args: tuple[str, ...], **values: Any) -> ContainerOptions:
    from ocinb.bundle.options import ContainerOptions

    entrypoint = values["entrypoint"]
    return ContainerOptions(
        args=list(args) or None,
        entrypoint=None if entrypoint is None else shlex.split(entrypoint),
        env=[_environment(text) for text in values["env"]],
        cwd=values["workdir"],
        user=values["user"],
        umask=_octal(values["umask"]),
        hostname=values["hostname"],
        terminal=values["tty"],
        read_only=values["read_only"],
        mounts=[*map(_volume, values["volume"]), *map(_tmpfs, values["tmpfs"])],
        add_capabilities=values["cap_add"],
        drop_capabilities=values["cap_drop"],
        rlimits=[_ulimit(text) for text in values["ulimit"]],
        sysctl=_pairs("--sysctl", values["sysctl"]),
        annotations=_pairs("--annotation", values["annotation"]),
        hooks=_hooks(values["hook"]),
        network=values["network"],
        **_security(values["security_opt"]),
    )


def _environment(text: str) -> str:
    """``NAME`` alone takes the value it has here. Spec: none (Docker convention)"""
    return text if "=" in text else f"{text}={os.environ.get(text, '')}"


def _octal(text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 8)
    except ValueError:
        raise CommandError(f"--umask {text} is not an octal number", hint="as in 022") from None


def _volume(text: str) -> dict[str, Any]:
    source, destination, *more = [*text.split(":"), "", ""][:3]
    if not source or not destination.startswith("/"):
        raise CommandError(
            f"--volume {text} is not DIR:PATH[:ro]", hint="as in --volume ./data:/data:ro"
        )
    source = os.path.abspath(os.path.expanduser(source))
    if not os.path.exists(source):
        raise CommandError(f"--volume {text}: {source} does not exist")
    options = ["rbind", *filter(None, ",".join(more).split(","))]
    return {"destination": destination, "type": "bind", "source": source, "options": options}


def _tmpfs(text: str) -> dict[str, Any]:
    destination, _, options = text.partition(":")
    if not destination.startswith("/"):
        raise CommandError(f"--tmpfs {text} is not an absolute path", hint="as in --tmpfs /tmp")
    chosen = [*filter(None, options.split(","))] or ["nosuid", "nodev", "mode=1777"]
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": chosen}


def _ulimit(text: str) -> tuple[str, int, int]:
    name, _, numbers = text.partition("=")
    soft, _, hard = numbers.partition(":")
    try:
        return f"RLIMIT_{name.upper()}", int(soft), int(hard or soft)
    except ValueError:
        raise CommandError(
            f"--ulimit {text} is not NAME=SOFT[:HARD]", hint="as in --ulimit nofile=1024:2048"
        ) from None


def _pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise CommandError(f"{option} {text} is not NAME=VALUE")
        pairs[name] = value
    return pairs


def _security(texts: Iterable[str]) -> dict[str, Any]:
    """Spec: none (Docker convention)"""
    chosen: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.replace(":", "=", 1).partition("=")
        if name == "no-new-privileges" and value in ("", "true", "false"):
            chosen["no_new_privileges"] = value != "false"
        elif name == "seccomp" and value:
            chosen["seccomp"] = _filters(text, value)
        else:
            raise CommandError(
                f"--security-opt {text} is not known",
                hint="no-new-privileges, seccomp=unconfined, or seccomp=FILE",
            )
    return chosen


def _filters(text: str, value: str) -> str | dict[str, Any]:
    from ocinb.bundle.options import DEFAULT_SECCOMP, UNCONFINED

    if value in (DEFAULT_SECCOMP, UNCONFINED):
        return value
    try:
        with open(value, encoding="utf-8") as file:
            filters = json.load(file)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise CommandError(f"--security-opt {text}: {value} cannot be read: {reason}") from None
    except (ValueError, RecursionError):
        filters = None
    if not isinstance(filters, dict):
        raise CommandError(
            f"--security-opt {text}: {value} is not a JSON object",
            hint="the file holds what config.json has as linux.seccomp",
        )
    return filters


def _hooks(texts: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    hooks: dict[str, list[dict[str, Any]]] = {}
    for text in texts:
        stage, _, words = text.partition("=")
        command = shlex.split(words)
        if stage not in HOOKS or not command or not command[0].startswith("/"):
            raise CommandError(
                f"--hook {text} is not STAGE=COMMAND",
                hint=f"a stage is one of {', '.join(HOOKS)}; the command begins with a path",
            )
        hooks.setdefault(stage, []).append({"path": command[0], "args": command})
    return hooks

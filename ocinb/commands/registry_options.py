"""The options of ``registry up``, which become the arguments of ``local_registry.Registry``."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Decorated = Callable[..., Any]

_NUMBER = click.IntRange(min=0)
_OPTIONS = (
    click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True),
    click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        metavar="ADDRESS",
        help="Listen here; others than loopback let the network in.",
    ),
    click.option("--directory", metavar="DIR", help="Where it keeps its images."),
    click.option("--user", "users", multiple=True, metavar="NAME:PASSWORD", help="May come in."),
    click.option("--htpasswd", metavar="FILE", help="Who may come in, as htpasswd -B writes it."),
    click.option("--token", is_flag=True, help="A token server asks for the passwords."),
    click.option("--anonymous-pull", is_flag=True, help="Anybody may read."),
    click.option("--read-only", is_flag=True, help="Nothing can be changed."),
    click.option("--tls", is_flag=True, help="HTTPS, by a certificate authority of its own."),
    click.option(
        "--pull-through",
        metavar="REGISTRY",
        help="Be a cache of it: docker.io, ghcr.io/team.",
    ),
    click.option("--chunk-min-length", type=_NUMBER, default=0, metavar="BYTES", help="Announced."),
    click.option("--slow", type=_NUMBER, default=0, metavar="BYTES/S", help="Fault: slow bodies."),
    click.option(
        "--drop-after", type=_NUMBER, default=0, metavar="BYTES", help="Fault: cut answers."
    ),
    click.option(
        "--rate-limit", type=_NUMBER, default=0, metavar="N", help="Fault: 429 beyond N requests/s."
    ),
    click.option(
        "--status",
        type=click.IntRange(400, 599),
        metavar="STATUS",
        help="Fault: refuse with this status.",
    ),
    click.option(
        "--times", type=_NUMBER, default=0, metavar="N", help="How often cut or refused; 0: always."
    ),
    click.option("--path", default="", metavar="PART", help="Faults hit only paths with this."),
)
_NAMES = (
    "port", "host", "directory", "users", "htpasswd", "token", "anonymous_pull", "read_only",
    "tls", "pull_through", "chunk_min_length", "slow", "drop_after", "rate_limit", "status",
    "times", "path",
)  # fmt: skip


def registry_options(function: Decorated) -> Decorated:
    """Adds the options, and passes them as one ``arguments``: plain JSON values.

    ``wished`` are the names of those that were typed.
    """

    @functools.wraps(function)
    def run(*positional: Any, **values: Any) -> Any:
        context = click.get_current_context()
        own = {name: values.pop(name) for name in _NAMES}
        wished = [
            name
            for name in _NAMES
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT
        ]
        return function(*positional, arguments=_arguments(**own), wished=wished, **values)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def _arguments(**values: Any) -> dict[str, Any]:
    users, htpasswd = _users(values["users"]), values["htpasswd"]
    if not users and not htpasswd and (values["token"] or values["anonymous_pull"]):
        raise CommandError(
            "--token and --anonymous-pull make sense with passwords only",
            hint="as in --user ann:secret --token",
        )
    if values["times"] and not (values["status"] or values["drop_after"]):
        raise CommandError("--times needs --status or --drop-after")
    return {
        **values,
        "users": users,
        "htpasswd": os.path.abspath(htpasswd) if htpasswd else None,
        "status": values["status"] or 0,
    }


def _users(texts: Iterable[str]) -> dict[str, str]:
    users = {}
    for text in texts:
        name, colon, password = text.partition(":")
        if not (name and colon and password):
            # What was typed may be a password: it is not repeated.
            raise CommandError("--user takes NAME:PASSWORD", hint="as in --user ann:secret")
        users[name] = password
    return users

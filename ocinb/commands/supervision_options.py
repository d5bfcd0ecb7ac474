"""Options of ``run`` and ``create`` about what a container's monitor does once it runs."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.field_option import with_options
from ocinb.commands.quantities import seconds
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocinb.bundle.options import ContainerOptions, Health

    Decorated = Callable[..., Any]

OPTIONS = (
    click.Option(
        ["--restart"],
        metavar="POLICY",
        help="Run it again when it has ended: no, on-failure[:TIMES], always or unless-stopped, "
        "the last two being the same here. Its monitor does so, also when the notebook's kernel "
        "is gone, 0.1 s later, then twice as long each time, up to a minute. After stop and kill "
        "it is not run again, nor when this machine was started anew: ocinb start does that.",
    ),
    click.Option(
        ["--strace"],
        is_flag=True,
        help="Attach strace to its program and all that it starts; ocinb trace shows what they "
        "do beside what the runtime did.",
    ),
    click.Option(
        ["--health-cmd"],
        metavar="COMMAND",
        help="Run this in it from time to time; status 0 means healthy. A line for the shell, a "
        "JSON array of words, or none. Not given: what the image says.",
    ),
    click.Option(["--health-interval"], metavar="DURATION", help="Between checks; 30s."),
    click.Option(["--health-timeout"], metavar="DURATION", help="What one may take; 30s."),
    click.Option(
        ["--health-start-period"],
        metavar="DURATION",
        help="From the start, in which a failure does not count; 0s.",
    ),
    click.Option(
        ["--health-retries"],
        type=click.IntRange(min=1),
        metavar="N",
        help="Failures, one after the other, that mean unhealthy; 3.",
    ),
    click.Option(["--no-healthcheck"], is_flag=True, help="Whatever the image says."),
)


def supervision_options(function: Decorated) -> Decorated:
    """Adds the options, and makes them part of ``options``, a ``ContainerOptions``."""

    @functools.wraps(function)
    def run(*positional: Any, options: ContainerOptions, **values: Any) -> Any:
        from ocinb.engine.restarting import NO, RestartPolicy

        own = {str(option.name): values.pop(str(option.name)) for option in OPTIONS}
        policy = str(RestartPolicy.parse(own["restart"] or NO))
        wished = dataclasses.replace(
            options, restart=policy, strace=own["strace"], health=_health(own)
        )
        return function(*positional, options=wished, **values)

    return with_options(run, OPTIONS)


def _health(values: Mapping[str, Any]) -> Health:
    """What was typed about the container's health.

    Raises:
        CommandError: a value is not what its option takes, or contradicts another one.
    """
    from ocinb.bundle.options import Health
    from ocinb.engine.health import parse_command

    command = values["health_cmd"]
    health = Health(
        off=values["no_healthcheck"] or command == "none",
        command=parse_command(command) if command not in (None, "none") else (),
        interval=_seconds(values, "health_interval"),
        timeout=_seconds(values, "health_timeout"),
        start_period=_seconds(values, "health_start_period", least=0.0),
        retries=values["health_retries"],
    )
    if health.off and (health.command or any(value is not None for value in health.numbers)):
        raise CommandError("--no-healthcheck contradicts the other --health options")
    return health


def _seconds(values: Mapping[str, Any], name: str, *, least: float = 0.001) -> float | None:
    option, text = f"--{name.replace('_', '-')}", values[name]
    found = None if text is None else seconds(option, text)
    if found is not None and found < least:
        raise CommandError(f"{option} {text} is too short")
    return found

"""Options of ``run`` and ``create`` about what a container's monitor does once it runs."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.field_option import with_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.bundle.options import ContainerOptions

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
)


def supervision_options(function: Decorated) -> Decorated:
    """Adds the options, and makes them part of ``options``, a ``ContainerOptions``."""

    @functools.wraps(function)
    def run(*positional: Any, options: ContainerOptions, **values: Any) -> Any:
        from ocinb.engine.restarting import NO, RestartPolicy

        policy = str(RestartPolicy.parse(values.pop("restart") or NO))
        wished = dataclasses.replace(options, restart=policy, strace=values.pop("strace"))
        return function(*positional, options=wished, **values)

    return with_options(run, OPTIONS)

"""``wait``: until containers have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Lines

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("containers", nargs=-1, required=True)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="How long.")
@click.pass_obj
def command(session: Session, containers: tuple[str, ...], timeout: float | None) -> Lines:
    """Wait until containers have ended; show their exit statuses.

    A container whose end nobody saw, because its monitor was killed, has the status -1.
    """
    statuses = (session.engine.containers.wait(name, timeout) for name in containers)
    return Lines(str(-1 if status is None else status) for status in statuses)

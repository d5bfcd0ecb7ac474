"""``kill``: a signal for a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Done

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("container")
@click.option("-s", "--signal", default="KILL", show_default=True, help="Name or number.")
@click.pass_obj
def command(session: Session, container: str, signal: str) -> Done:
    """Send a signal to the first process of a container."""
    session.engine.containers.kill(container, signal)
    return Done(container, f"{container} was sent {signal}")

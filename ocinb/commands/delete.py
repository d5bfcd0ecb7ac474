"""``delete``: remove a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Done

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("container")
@click.option("-f", "--force", is_flag=True, help="End it first if it runs.")
@click.pass_obj
def command(session: Session, container: str, force: bool) -> Done:
    """Remove a container that has ended, with all that belongs to it."""
    session.engine.delete(container, force)
    return Done(container, f"{container} is deleted")

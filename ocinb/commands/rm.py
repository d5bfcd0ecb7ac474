"""``rm``: remove containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.several import each
from ocinb.commands.tree import Command
from ocinb.commands.values import Lines
from ocinb.errors import CommandError
from ocinb.spec.runtime_state import STOPPED

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.commands.values import Done


@click.command(cls=Command)
@click.argument("containers", nargs=-1)
@click.option("-f", "--force", is_flag=True, help="End them first if they run.")
@click.option("-a", "--all", "every", is_flag=True, help="All that have ended; with -f, all.")
@click.pass_obj
def command(
    session: Session, containers: tuple[str, ...], force: bool, every: bool
) -> Done | Lines:
    """Remove containers that have ended, with all that is theirs.

    Volumes that have a name stay.
    """
    if every == bool(containers):
        raise CommandError("rm: name containers, or --all", hint="ocinb ps --all lists them")
    if every:
        found = session.engine.containers.all()
        containers = tuple(c.name for c in found if force or c.status == STOPPED)
        if not containers:
            return Lines()
    return each(
        containers, lambda name: session.engine.containers.delete(name, force), "{} is removed"
    )

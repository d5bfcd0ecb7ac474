"""``rm``: remove containers."""

from __future__ import annotations

from functools import partial
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
@click.option("-v", "--volumes", is_flag=True, help="With the volumes that their images asked for.")
@click.pass_obj
def command(
    session: Session, containers: tuple[str, ...], force: bool, every: bool, volumes: bool
) -> Done | Lines:
    """Remove containers that do not run, with all that is theirs.

    Volumes stay, but with --volumes those go that have no name of their own. run --rm removes
    these, too.
    """
    if every == bool(containers):
        raise CommandError("rm: name containers, or --all", hint="ocinb ps --all lists them")
    if every:
        found = session.engine.containers.all()
        containers = tuple(c.name for c in found if force or c.status == STOPPED)
        if not containers:
            return Lines()
    return each(containers, partial(_remove, session, force, volumes), "{} is removed")


def _remove(session: Session, force: bool, volumes: bool, name: str) -> None:
    session.engine.containers.delete(name, force, volumes=volumes)

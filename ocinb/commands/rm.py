"""``rm``: remove containers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from ocinb.commands.several import chosen, each
from ocinb.commands.tree import Command
from ocinb.errors import ContainerError, ContainerNotFound
from ocinb.spec.runtime_state import STOPPED

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.commands.values import Done, Lines


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

    With --force one that is not there is no error.

    Volumes stay, but with --volumes those go that have no name of their own. run --rm removes
    these, too.
    """
    containers = chosen(session, "rm", containers, every, None if force else (STOPPED,))
    if force and not every:
        containers = tuple(name for name in containers if _is_there(session, name))
    return each(containers, partial(_remove, session, force, volumes), "{} is removed")


def _is_there(session: Session, name: str) -> bool:
    try:
        session.engine.containers.get(name)
    except ContainerNotFound:
        return False
    except ContainerError:
        pass  # several are, which is told when it is their turn
    return True


def _remove(session: Session, force: bool, volumes: bool, name: str) -> None:
    session.engine.containers.delete(name, force, volumes=volumes)

"""``rename``: another name for a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Done

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("container")
@click.argument("name")
@click.pass_obj
def command(session: Session, container: str, name: str) -> Done:
    """Give CONTAINER another NAME. Its id stays, and so does its host name.

    Other containers of its networks know it by NAME from its next start on.
    """
    session.engine.containers.rename(container, name)
    return Done(name, f"{container} is called {name} now")

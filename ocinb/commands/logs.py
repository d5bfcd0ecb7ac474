"""``logs``: what a container has written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Text

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("container")
@click.pass_obj
def command(session: Session, container: str) -> Text:
    """Show what a container has written so far.

    Of a long log the end is kept: the last 10 MB at least, and 20 MB at the most.
    """
    from ocinb.container import Container

    return Text(Container.find(session.engine, container).logs)

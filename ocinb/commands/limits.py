"""``limits``: limits of a running container and what it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.drawing import drawing
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("container")
@drawing("limits")
@click.pass_obj
def command(session: Session, container: str) -> Table:
    """Show what a running container may use, and uses."""
    from ocinb.container import Container

    return Container.find(session.engine, container).limits_table()

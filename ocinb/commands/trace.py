"""``trace``: everything that was recorded of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("container")
@listing
@click.pass_obj
def command(session: Session, container: str) -> Table:
    """List the steps, system calls, hooks and states of a container."""
    from ocinb.container import Container

    return Container.find(session.engine, container).trace_table()

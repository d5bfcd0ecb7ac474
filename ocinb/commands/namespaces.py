"""``namespaces``: what a running container shares with the host."""

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
@drawing("isolation")
@click.pass_obj
def command(session: Session, container: str) -> Table:
    """Show which namespaces and mounts a container shares.

    Those of a running container, beside the host's.
    """
    from ocinb.container import Container

    return Container.find(session.engine, container).isolation_table()

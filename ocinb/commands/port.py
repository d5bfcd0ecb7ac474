"""``port``: ports of this machine that lead into a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.errors import ContainerError
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("port host")


@click.command(cls=Command)
@click.argument("container")
@click.argument("port", required=False, metavar="[PORT[/PROTOCOL]]")
@listing
@click.pass_obj
def command(session: Session, container: str, port: str | None) -> Table:
    """List the ports that lead into a container.

    With PORT only those of this machine that lead to it.
    """
    record = session.engine.containers.get(container)
    rows = []
    for published in record.ports:
        host, _, inside = published.partition("->")
        if port is None or inside in (port, f"{port}/tcp"):
            rows.append((inside, host))
    if port is not None and not rows:
        raise ContainerError(f"port {port} of container {record.name} is not published")
    return Table(COLUMNS, rows, title=f"ports of {record.name}")

"""``catalog``: the repositories of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.registry_name import registry_name
from ocinb.commands.tree import Command
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("registry")
@listing
@click.pass_obj
def command(session: Session, registry: str) -> Table:
    """List the repositories of a registry. Large public ones do not tell."""
    host = registry_name(registry)
    rows = [(name,) for name in session.engine.client.catalog(host)]
    return Table(columns("repository"), rows, title=f"repositories of {host}")

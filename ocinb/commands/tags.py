"""``tags``: what a registry offers of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("repository")
@listing
@click.pass_obj
def command(session: Session, repository: str) -> Table:
    """List the tags that a registry has of REPOSITORY."""
    from ocinb.spec.reference import Reference

    reference = Reference.parse(repository)
    rows = [(tag,) for tag in session.engine.client.tags(reference)]
    return Table(columns("tag"), rows, title=f"tags of {reference.name}")

"""``ps``: the containers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, names_only
from ocinb.commands.tree import Command
from ocinb.spec.runtime_state import STOPPED
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns(
    "name status exit_status:int image command created:time pid:int? runtime? id? error?"
)


@click.command(cls=Command)
@click.option("-a", "--all", "every", is_flag=True, help="Those that have ended too.")
@names_only
@listing
@click.pass_obj
def command(session: Session, every: bool) -> Table:
    """List the containers."""
    from ocinb.spec.reference import Reference

    rows = [
        (
            c.name,
            c.status,
            c.exit_status,
            Reference.parse(c.image).familiar,
            shlex.join(c.command),
            c.created,
            c.pid or None,
            c.runtime,
            c.id,
            c.error,
        )
        for c in session.engine.containers()
        if every or c.status != STOPPED
    ]
    return Table(COLUMNS, rows, title="containers")

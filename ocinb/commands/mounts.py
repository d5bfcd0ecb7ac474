"""``mounts``: the mounts that we made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, names_only
from ocinb.commands.tree import Command
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("target kind layers:int writable why? options?")


@click.command(cls=Command)
@click.option("--repair", is_flag=True, help="Remove what crashes left, and list it.")
@names_only
@listing
@click.pass_obj
def command(session: Session, repair: bool) -> Table:
    """List our mounts, and no others."""
    from ocinb.engine.repair import repair_mounts

    mounts = repair_mounts(session.engine) if repair else session.engine.mounts.list()
    rows = [
        (m.target, m.kind, len(m.layers), "yes" if m.writable else "no", m.why, m.options)
        for m in mounts
    ]
    return Table(COLUMNS, rows, title="removed mounts" if repair else "mounts")

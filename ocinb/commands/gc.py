"""``gc``: remove what no image has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.table import Table, columns, human_bytes

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("what name size:bytes")
"""``what``: ``blob``, ``layer`` (unpacked), ``partial blob``, ``remains`` of a crash,
``build step`` (remembered)."""


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=3600.0,
    metavar="SECONDS",
    help="Leave what is younger (3600).",
)
@listing
@click.pass_obj
def command(session: Session, dry_run: bool, grace: float) -> Table:
    """Remove blobs and layers that no image has, and list them.

    What crashes left goes too, and what builds remember of steps whose layers are gone. Pulls,
    builds and containers may be under way: what they need stays.
    """
    from ocinb.engine.garbage import collect_garbage
    from ocinb.workshop import forget_steps

    found = collect_garbage(session.engine, grace=grace, dry_run=dry_run)
    gone = [digest for digest, _ in found.blobs]
    steps = forget_steps(session.engine, grace=grace, gone=gone, dry_run=dry_run)
    parts = (
        ("layer", found.layers),
        ("remains", found.remains),
        ("blob", found.blobs),
        ("partial blob", found.partials),
        ("build step", steps),
    )
    rows = [(what, str(name), size) for what, removed in parts for name, size in removed]
    size = sum(size for _, _, size in rows)
    title = f"{human_bytes(size)} {'could be' if dry_run else 'were'} freed"
    return Table(COLUMNS, rows, title=title, key="name")

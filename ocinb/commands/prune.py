"""``prune``: remove what is no longer of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, never_asking
from ocinb.commands.quantities import seconds
from ocinb.commands.tree import Command
from ocinb.table import Table, columns, human_bytes

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("what name size:bytes")


@click.command(cls=Command)
@click.argument(
    "what",
    nargs=-1,
    type=click.Choice(["containers", "images", "layers", "mounts", "networks", "volumes"]),
)
@click.option("-a", "--all", "every", is_flag=True, help="Images that no container is of, too.")
@click.option("--volumes", is_flag=True, help="Volumes that no container uses, too.")
@click.option(
    "--older",
    default="0",
    metavar="DURATION",
    help="Only containers that ended so long ago, as in 24h.",
)
@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@never_asking
@listing
@click.pass_obj
def command(
    session: Session,
    what: tuple[str, ...],
    every: bool,
    volumes: bool,
    older: str,
    dry_run: bool,
) -> Table:
    """Remove what is no longer of use: ended containers, garbage.

    What goes is listed.

    WHAT is any of containers, images, layers, mounts, networks, volumes. Without it all of these
    go but volumes, which are somebody's data: those go by --volumes, or as WHAT. What is in use
    always stays.
    """
    from ocinb.engine.pruning import KINDS, prune

    kinds = set(what or KINDS) | ({"volumes"} if volumes else set())
    found = prune(
        session.engine, kinds, every=every, older=seconds("--older", older), dry_run=dry_run
    )
    rows = [(one.kind, one.name, one.size) for one in found]
    freed = human_bytes(sum(one.size or 0 for one in found))
    title = f"{freed} {'could be' if dry_run else 'were'} freed"
    return Table(COLUMNS, rows, title=title, key="name", empty="there is nothing to remove")

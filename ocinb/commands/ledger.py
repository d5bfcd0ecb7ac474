"""``ledger``: every digest of an image, computed anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.drawing import drawing
from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("image")
@platform_option
@drawing("digest_ledger")
@click.pass_obj
def command(session: Session, image: str, platform: str | None) -> Table:
    """Compute every digest of an image anew: index to chainID.

    Which digest is of what, where it is written, and whether it is true.
    """
    from ocinb.image import Image

    table = Image(session.engine, session.engine.images.get(image, platform)).ledger_table()
    table.exit_status = 0 if set(table.column("verified")) == {"yes"} else 1
    return table

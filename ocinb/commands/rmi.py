"""``rmi``: remove images from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.tree import Command
from ocinb.errors import OcinbError
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns("image blobs:int size:bytes layers:int")
"""``blobs`` and ``size``: what was removed from the store; ``layers``: unpacked ones that went."""


@click.command(cls=Command)
@click.argument("images", nargs=-1, required=True)
@click.option("-f", "--force", is_flag=True, help="With the containers that are made of them.")
@click.pass_obj
def command(session: Session, images: tuple[str, ...], force: bool) -> Table:
    """Remove images from the store, with what they alone needed.

    One that containers are made of stays, unless it has another name.
    What is in a registry is not touched: see tags delete and manifest delete.
    """
    from ocinb.engine.remove_image import remove_image

    rows: list[tuple[Any, ...]] = []
    for image in images:
        try:
            removed = remove_image(session.engine, image, force=force)
        except OcinbError as error:
            if rows:
                error.message += f"; removed are {', '.join(row[0] for row in rows)}"
            raise
        rows.append((removed.name, removed.blobs, removed.size, removed.layers))
    return Table(COLUMNS, rows, title="removed images")

"""``tree``: a directory of an image as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, platform_option
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("image")
@click.argument("path", default="/")
@click.option(
    "--depth", type=click.IntRange(min=0), default=2, metavar="N", help="Levels to open (2)."
)
@click.option("--all", "everything", is_flag=True, help="Open every level.")
@platform_option
@listing
@click.pass_obj
def command(
    session: Session, image: str, path: str, depth: int, everything: bool, platform: str | None
) -> Table:
    """Draw a directory of an image, with what is beneath each.

    Bytes and files are counted as a container sees them.
    """
    from ocinb.image import Image

    found = Image(session.engine, session.engine.images.get(image, platform))
    return found.tree_table(path, None if everything else depth)

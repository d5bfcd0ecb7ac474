"""``layers``: the layers of an image and what each changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Picture

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("image")
@platform_option
@click.option("--diagram", is_flag=True, help="In a notebook: draw the stack.")
@listing
@click.pass_obj
def command(session: Session, image: str, platform: str | None, diagram: bool) -> Table | Picture:
    """List the layers of an image in the store, from the base up."""
    from ocinb.image import Image

    table = Image(session.engine, session.engine.images.get(image, platform)).layer_table()
    return Picture("layer_stack", table) if diagram else table

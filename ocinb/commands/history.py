"""``history``: the steps that made an image."""

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
@platform_option
@listing
@click.pass_obj
def command(session: Session, image: str, platform: str | None) -> Table:
    """List the steps that made an image, the oldest first.

    Those that made no layer are listed too.
    """
    from ocinb.image import Image

    return Image(session.engine, session.engine.images.get(image, platform)).history_table()

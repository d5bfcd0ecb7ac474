"""``waste``: bytes that are downloaded and never seen."""

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
@click.option("--secrets", is_flag=True, help="Only what looks like a secret.")
@platform_option
@listing
@click.pass_obj
def command(session: Session, image: str, secrets: bool, platform: str | None) -> Table:
    """List files that one layer adds and a later one hides.

    They are in the image for everybody to read: cat --layer shows them. The largest come first,
    but before all others those that look like secrets, by their names or contents; above them
    what looks like one in the image config, in a variable or in history.
    """
    from ocinb.image import Image
    from ocinb.insight.waste import secrets_in_config

    found = Image(session.engine, session.engine.images.get(image, platform))
    table = found.waste_table()
    table.rows = [*secrets_in_config(found.local.config), *table.rows]
    if secrets:
        suspicious = table.column("secret")
        table.rows = [row for row, what in zip(table.rows, suspicious, strict=True) if what]
    return table

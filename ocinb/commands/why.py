"""``why``: which layer put a path there, and which hid it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Picture
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("image")
@click.argument("path", required=False)
@platform_option
@click.option("--diagram", is_flag=True, help="In a notebook: draw the look-up of PATH.")
@listing
@click.pass_obj
def command(
    session: Session, image: str, path: str | None, platform: str | None, diagram: bool
) -> Table | Picture:
    """Tell which layer put PATH there and which hid it.

    at_rest: bytes of this layer at or beneath PATH that are seen in the end; contributed: all that
    it has there; cumulative: that of all layers up to it. Without PATH: a row for each path of
    the image, with the layer that wins.
    """
    from ocinb.image import Image

    found = Image(session.engine, session.engine.images.get(image, platform))
    if not diagram:
        return found.why_table(path)
    if path is None:
        raise CommandError("why: --diagram needs a PATH", hint="as in why --diagram demo /etc/motd")
    return Picture("overlay_lookup", found.lookup_table(path))

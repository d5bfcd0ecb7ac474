"""``files``: the files of an image, or of one of its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, names_only, platform_option
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("image")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--layer", type=int, metavar="N", help="Only what layer N holds; the base is 1.")
@platform_option
@names_only
@listing
@click.pass_obj
def command(
    session: Session, image: str, paths: tuple[str, ...], layer: int | None, platform: str | None
) -> Table:
    """List the files of an image as its containers see them.

    PATH is a path, listed with all that is beneath it, or a pattern: '*.so' for names anywhere,
    '/etc/*.conf', '/usr/**/python3*'. With --layer whiteouts are listed too: w---------.
    """
    from ocinb.image import Image

    found = Image(session.engine, session.engine.images.get(image, platform))
    return found.files_table(*paths, layer=layer)

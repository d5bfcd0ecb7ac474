"""``squash``: fewer layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.image import Image


@click.command(cls=Command)
@click.argument("image")
@click.option("-t", "--tag", "name", metavar="NAME", help="Of the result; IMAGE if not given.")
@click.option("--keep", type=int, default=0, metavar="N", help="Leave the lowest N layers.")
@click.pass_obj
def command(session: Session, image: str, name: str | None, keep: int) -> Image:
    """Make one layer of those of IMAGE.

    What a layer deletes is then really gone.
    """
    from ocinb.image import Image
    from ocinb.workshop import squash_image

    return Image(session.engine, squash_image(session.engine, image, name, keep=keep))

"""``rebase``: another base under an image's own layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.image import Image


@click.command(cls=Command)
@click.argument("image")
@click.option("--new-base", required=True, metavar="IMAGE", help="The base that it shall have.")
@click.option("--old-base", metavar="IMAGE", help="The base that it has, if it does not say so.")
@click.option("-t", "--tag", "name", metavar="NAME", help="Of the result; IMAGE if not given.")
@click.pass_obj
def command(
    session: Session, image: str, new_base: str, old_base: str | None, name: str | None
) -> Image:
    """Put the layers that IMAGE has above its base on another base.

    Nothing is run or packed. Only right where the layers do not depend on what changed in the base.
    """
    from ocinb.image import Image
    from ocinb.workshop import rebase_image

    return Image(session.engine, rebase_image(session.engine, image, new_base, name, old_base))

"""``explore``: leaf through an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Interactive

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("image")
@platform_option
@click.pass_obj
def command(session: Session, image: str, platform: str | None) -> Interactive:
    """Leaf through IMAGE: layers, files, content, waste.

    In a notebook; a shell lists the layers.
    """
    from ocinb.image import Image

    found = Image(session.engine, session.engine.images.get(image, platform))
    return Interactive("explorer", found.layer_table(), found)

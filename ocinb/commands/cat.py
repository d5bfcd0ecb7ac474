"""``cat``: the content of a file of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Stream
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("file", metavar="IMAGE:PATH")
@click.option(
    "--layer", type=int, metavar="N", help="From layer N, the base being 1, whether seen or not."
)
@platform_option
@click.pass_obj
def command(session: Session, file: str, layer: int | None, platform: str | None) -> Stream:
    """Show the content of a file, byte for byte.

    As in cat debian:12:/etc/os-release.

    Links are followed inside the image, as in a container of it; nothing is run or mounted.
    """
    from ocinb.image import Image

    name, colon, path = file.partition(":/")
    if not colon or not name:
        raise CommandError(
            f"{file} is not IMAGE:PATH", hint="the path is absolute: cat debian:12:/etc/os-release"
        )
    image = Image(session.engine, session.engine.images.get(name, platform))
    # What is wrong is told before the first byte is written.
    with image.contents() as contents:
        place = contents.find(path, layer)
        contents.open(place).close()

    def write(out: BinaryIO) -> None:
        with image.contents() as contents:
            for piece in contents.pieces(place):
                out.write(piece)

    return Stream(write)

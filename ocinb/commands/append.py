"""``append``: more layers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.image import Image


@click.command(cls=Command)
@click.option("-b", "--base", metavar="IMAGE", help="The image to build on; none if not given.")
@click.option(
    "-f", "--file", "paths", multiple=True, required=True, help="A tar archive or a directory."
)
@click.option("-t", "--tag", "name", required=True, metavar="NAME", help="Of the result.")
@platform_option
@click.pass_obj
def command(
    session: Session, base: str | None, paths: tuple[str, ...], name: str, platform: str | None
) -> Image:
    """Put archives or directories on an image, each as one layer.

    Nothing is run.

    An archive is taken as it is: plain, or compressed by gzip or zstd. A file .wh.NAME in it
    deletes NAME.
    """
    from ocinb.image import Image
    from ocinb.workshop import append_layers

    local = append_layers(session.engine, [*map(Path, paths)], name, base, platform)
    return Image(session.engine, local)

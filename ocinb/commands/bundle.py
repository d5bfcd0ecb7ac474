"""``bundle``: config.json and a root filesystem, for any OCI runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.container_options import container_options
from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Done

if TYPE_CHECKING:
    from ocinb.bundle.options import ContainerOptions
    from ocinb.commands.session import Session


@click.command(cls=Command, context_settings={"allow_interspersed_args": False})
@platform_option
@container_options
@click.argument("image")
@click.argument("directory")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def command(
    session: Session, image: str, directory: str, options: ContainerOptions, platform: str | None
) -> Done:
    """Make a bundle of IMAGE in DIRECTORY. It is to be looked at, edited, and run by hand."""
    engine = session.engine
    local = engine.image(image, platform) if platform else engine.available(image)
    path = engine.bundle(local, options, directory)
    parent = path.parent
    return Done(str(parent), f"{path} is written; run it: ocinb-runtime run --bundle {parent} ID")

"""``mount``: the layers of an image as one tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Done

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("image")
@click.argument("target", required=False)
@platform_option
@click.pass_obj
def command(session: Session, image: str, target: str | None, platform: str | None) -> Done:
    """Show the layers of an image as one read-only tree. It is at TARGET, or where we choose."""
    from ocinb.image import Image

    mount = Image(session.engine, session.engine.images.get(image, platform)).mount(target)
    return Done(mount.target, f"{mount.target}: {len(mount.layers)} layers, {mount.why}")

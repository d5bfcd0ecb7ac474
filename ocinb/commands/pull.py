"""``pull``: bring an image from a registry into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Lines

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("reference")
@platform_option
@click.option("-q", "--quiet", is_flag=True, help="Only the digest, without progress.")
@click.pass_obj
def command(session: Session, reference: str, platform: str | None, quiet: bool) -> Any:
    """Bring an image from its registry into the store.

    REFERENCE is as docker has it: nginx, localhost:5000/demo:1.0, ghcr.io/a/b@sha256:…
    """
    from ocinb.image import Image

    if quiet:
        session.hush.set()
    image = Image(session.engine, session.engine.images.pull(reference, platform))
    return Lines([image.digest]) if quiet else image

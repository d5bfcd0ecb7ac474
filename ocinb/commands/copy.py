"""``copy``: from one registry to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import platform_option
from ocinb.commands.tree import Command
from ocinb.commands.values import Done

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("source")
@click.argument("destination")
@platform_option
@click.pass_obj
def command(session: Session, source: str, destination: str, platform: str | None) -> Done:
    """Copy an image from registry to registry. The store is not touched.

    With all its platforms, or with --platform just one. What DESTINATION has is not sent again.
    """
    from ocinb.distribution.copy import copy
    from ocinb.spec.platform import Platform
    from ocinb.spec.reference import Reference

    target = Reference.parse(destination)
    wanted = Platform.parse(platform) if platform else None
    done = copy(session.engine.client, Reference.parse(source), target, wanted)
    counts = (
        (done.transferred, "transferred"),
        (done.mounted, "mounted from a repository there"),
        (done.present, "there already"),
    )
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    blobs = f"blobs: {told}" if told else "nothing was missing"
    return Done(done.descriptor.digest, f"{target} is now {done.descriptor.digest}; {blobs}")

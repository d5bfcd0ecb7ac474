"""``umount``: undo a mount of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command
from ocinb.commands.values import Done

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.argument("target")
@click.pass_obj
def command(session: Session, target: str) -> Done:
    """Undo the mount at TARGET; only mounts that we made."""
    session.engine.mounts.unmount(target)
    return Done(target, f"{target} is unmounted")

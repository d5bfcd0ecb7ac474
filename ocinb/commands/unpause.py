"""``unpause``: let a paused container go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.several import each
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.commands.values import Done, Lines


@click.command(cls=Command)
@click.argument("containers", nargs=-1, required=True)
@click.pass_obj
def command(session: Session, containers: tuple[str, ...]) -> Done | Lines:
    """Let paused containers go on."""
    return each(containers, session.engine.containers.unpause, "{} goes on")

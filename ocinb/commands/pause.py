"""``pause``: freeze a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.several import chosen, each
from ocinb.commands.tree import Command
from ocinb.spec.runtime_state import RUNNING

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.commands.values import Done, Lines


@click.command(cls=Command)
@click.argument("containers", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="All that run.")
@click.pass_obj
def command(session: Session, containers: tuple[str, ...], every: bool) -> Done | Lines:
    """Freeze all processes of containers, until ocinb unpause."""
    containers = chosen(session, "pause", containers, every, (RUNNING,))
    return each(containers, session.engine.containers.pause, "{} is paused")

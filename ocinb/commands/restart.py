"""``restart``: run the program of containers anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import grace_option
from ocinb.commands.several import chosen, each
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.commands.values import Done, Lines


@click.command(cls=Command)
@click.argument("containers", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="All, also those that have ended.")
@grace_option
@click.pass_obj
def command(
    session: Session, containers: tuple[str, ...], every: bool, time: float | None
) -> Done | Lines:
    """End the programs of containers, and run them on the same files."""
    engine = session.engine
    containers = chosen(session, "restart", containers, every, None)
    return each(containers, lambda name: engine.containers.restart(name, time), "{} runs again")

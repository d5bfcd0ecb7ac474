"""``kill``: a signal for a container."""

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
@click.option("-s", "--signal", default="KILL", show_default=True, help="Name or number.")
@click.pass_obj
def command(
    session: Session, containers: tuple[str, ...], every: bool, signal: str
) -> Done | Lines:
    """Send a signal to the first process of containers."""

    def kill(container: str) -> None:
        session.engine.containers.kill(container, signal)

    containers = chosen(session, "kill", containers, every, (RUNNING,))
    return each(containers, kill, f"{{}} was sent {signal}")

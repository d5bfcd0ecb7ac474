"""``stop``: end containers gently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import grace_option
from ocinb.commands.several import chosen, each
from ocinb.commands.tree import Command
from ocinb.spec.runtime_state import RESTARTING, RUNNING

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.commands.values import Done, Lines


@click.command(cls=Command)
@click.argument("containers", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="All that run.")
@grace_option
@click.pass_obj
def command(
    session: Session, containers: tuple[str, ...], every: bool, time: float | None
) -> Done | Lines:
    """Ask the programs of containers to end, and insist later.

    The signal is that of run --stop-signal, else the image's, else TERM.
    """
    engine = session.engine
    containers = chosen(session, "stop", containers, every, (RUNNING, RESTARTING))
    return each(containers, lambda name: engine.containers.stop(name, time), "{} has ended")

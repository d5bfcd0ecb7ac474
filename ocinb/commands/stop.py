"""``stop``: end containers gently."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import grace_option
from ocinb.commands.several import each
from ocinb.commands.tree import Command

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.commands.values import Done, Lines


@click.command(cls=Command)
@click.argument("containers", nargs=-1, required=True)
@grace_option
@click.pass_obj
def command(session: Session, containers: tuple[str, ...], time: float | None) -> Done | Lines:
    """Ask the programs of containers to end, and insist later.

    The signal is that of run --stop-signal, else the image's, else TERM.
    """
    engine = session.engine
    return each(containers, lambda name: engine.containers.stop(name, time), "{} has ended")

"""``dashboard``: the containers while they live."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import Command, call
from ocinb.commands.values import Interactive

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.pass_obj
def command(session: Session) -> Interactive:
    """Watch the containers, and kill, pause or enter them.

    In a notebook; a shell lists them.
    """
    return Interactive("dashboard", call(["ps", "--all"], session), session.engine)

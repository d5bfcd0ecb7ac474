"""``debug``: the last error as Python shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.last_error import NONE_YET
from ocinb.commands.tree import Command
from ocinb.commands.values import Text

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=Command)
@click.pass_obj
def command(session: Session) -> Text:
    """Show the traceback of the last error."""
    return Text((session.errors.traceback() if session.errors else NONE_YET).rstrip())

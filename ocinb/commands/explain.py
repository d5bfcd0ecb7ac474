"""``explain``: the last error at length."""

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
    """Tell the last error at length, and the rule behind it.

    What kind it is, what led to it, what to do; the section of the specification that was broken,
    with its address and the code that holds it.
    """
    return Text(session.errors.at_length() if session.errors else NONE_YET)

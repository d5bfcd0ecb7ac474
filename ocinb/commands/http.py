"""``http``: what was said between this session and registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.commands.values import Picture
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command, context_settings={"allow_interspersed_args": False})
@click.option("--diagram", is_flag=True, help="In a notebook: draw the conversation.")
@click.option("--headers", is_flag=True, help="With the headers, secrets masked.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the last N exchanges.")
@listing
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND…]")
@click.pass_context
def command(
    context: click.Context,
    command: tuple[str, ...],
    diagram: bool,
    headers: bool,
    last: int | None,
) -> Table | Picture:
    """List the HTTP exchanges of this session.

    With COMMAND, run that command first and list only its own exchanges, as in
    http pull localhost:5000/demo. Without, all that this notebook has said so far.
    """
    from ocinb.commands.tree import call
    from ocinb.conversation import conversation

    session: Session = context.obj
    program = context.find_root().info_name or "ocinb"
    events = session.recorder.events
    first = 0
    if command:
        first = len(events)
        call(command, session, program=program)
    table = conversation(events[first:], headers=headers)
    if not table.rows:
        raise CommandError(
            "nothing has been said to a registry here",
            hint=f"{program} http pull IMAGE pulls an image and lists what was said",
        )
    if last:
        table.rows = table.rows[-last:]
    return Picture("conversation", table) if diagram else table

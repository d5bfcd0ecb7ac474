"""``live``: a cell of a lesson that runs where it can, and is shown as recorded elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.tree import CellCommand, cell_script
from ocinb.commands.values import Live
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from ocinb.commands.session import Session


@click.command(cls=CellCommand)
@click.argument("recording")
@click.option("--needs", multiple=True, required=True, metavar="NEED", help="May be repeated.")
@click.option("--keep", multiple=True, metavar="VARIABLE", help="For later cells; may be repeated.")
@click.pass_context
def command(
    context: click.Context, recording: str, needs: tuple[str, ...], keep: tuple[str, ...]
) -> Live:
    """Run a cell of a lesson, or show the recording of it.

    As it was seen on another machine, with the same tables and diagrams.

    In a notebook. NEED is namespaces, overlay, proc, limits, network, tun, root, or
    program:NAME. Where it is not met, the RECORDING of the lesson is shown, and
    marked as such.
    """
    from ocinb.course.needs import missing

    session: Session = context.obj
    body = cell_script(context)
    if body is None:
        raise CommandError("live takes a cell", hint="write %%oci, and what is to run below it")
    if session.room is None:
        raise CommandError("no lesson is on", hint="run the first cell of the lesson")
    why = missing(needs, session.engine)
    return Live(body, why, session.room.lesson.recording(recording), keep)

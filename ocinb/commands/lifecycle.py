"""``lifecycle``: the thirteen steps of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.commands.values import Picture

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.table import Table


@click.command(cls=Command)
@click.argument("container")
@click.option("--diagram", is_flag=True, help="In a notebook: draw the time line.")
@click.option(
    "--step",
    type=click.IntRange(1, 13),
    metavar="N",
    help="The system calls and hooks of that step alone.",
)
@listing
@click.pass_obj
def command(session: Session, container: str, diagram: bool, step: int | None) -> Table | Picture:
    """Show the steps of a container's life, with their times. The order is the specification's."""
    from ocinb.container import Container

    found = Container.find(session.engine, container)
    if step is not None:
        calls = found.step_table(step)
        return Picture("step_calls", calls) if diagram else calls
    table = found.lifecycle_table()
    return Picture("lifecycle_line", table) if diagram else table

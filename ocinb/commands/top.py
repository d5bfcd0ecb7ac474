"""``top``: the processes of a container."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session

COLUMNS = columns(
    "pid:int inside:int parent:int? user state started:time? cpu:duration memory:memory "
    "threads:int? command"
)


@click.command(cls=Command)
@click.argument("container")
@listing
@click.pass_obj
def command(session: Session, container: str) -> Table:
    """List the processes of a container.

    PID is their number on this machine, INSIDE the one that they see. The state is a letter:
    R running, S sleeping, D waiting for a disk, T stopped, Z ended.
    """
    from ocinb.engine.observing import processes

    record = session.engine.containers.get(container)
    rows = [
        (p.pid, p.inside, p.parent, p.user, p.state, p.started, p.cpu, p.memory, p.threads,
         shlex.join(p.command))
        for p in processes(record)
    ]  # fmt: skip
    return Table(COLUMNS, rows, title=f"processes of {record.name}")

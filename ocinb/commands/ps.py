"""``ps``: the containers."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing, names_only
from ocinb.commands.tree import Command
from ocinb.spec.runtime_state import STOPPED
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.engine.containers import ContainerRecord

COLUMNS = columns(
    "name status uptime:duration exit_status:int image command ports created:time ended:time? "
    "pid:int? runtime? id? error? health? restarts:int?"
)


@click.command(cls=Command)
@click.option("-a", "--all", "every", is_flag=True, help="Those that have ended too.")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME=VALUE",
    help="As in status=running, name=, label=, ancestor=, exited=, health=, volume=; can be "
    "repeated.",
)
@click.option("-n", "--last", type=click.IntRange(min=0), metavar="N", help="The last N of all.")
@click.option("-l", "--latest", is_flag=True, help="The last one of all.")
@click.option("--no-trunc", is_flag=True, help="Cut no text; a long one goes on in the next line.")
@names_only
@listing
@click.pass_obj
def command(
    session: Session,
    every: bool,
    filters: tuple[str, ...],
    last: int | None,
    latest: bool,
    no_trunc: bool,
) -> Table:
    """List the containers. A filter for a status shows those that have ended, too."""
    from ocinb.commands.filters import chosen
    from ocinb.spec.reference import Reference

    engine = session.engine
    last = 1 if latest else last
    asked = any(text.partition("=")[0] in ("status", "exited") for text in filters)
    found = chosen(engine, engine.containers.all(), filters)
    if last is not None:
        found = found[len(found) - last :] if last < len(found) else found
    elif not every and not asked:
        found = [record for record in found if record.status != STOPPED]
    rows = [
        (
            c.name,
            c.status,
            _uptime(c),
            c.exit_status,
            Reference.parse(c.image).familiar,
            shlex.join(c.command),
            ", ".join(c.ports),
            c.created,
            c.ended,
            c.pid or None,
            c.runtime,
            c.id,
            c.error or c.out_of_memory,
            c.health,
            c.restarts if c.restart_policy != "no" else None,
        )
        for c in found
    ]
    return Table(COLUMNS, rows, title="containers", wrap=no_trunc)


def _uptime(record: ContainerRecord) -> float | None:
    """Seconds since the program was started; None where it does not run."""
    if record.started is None or not record.pid:
        return None
    return max(0.0, time.time() - record.started)

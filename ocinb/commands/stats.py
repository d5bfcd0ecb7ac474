"""``stats``: what containers use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.errors import InvalidStatus, UnsupportedHost
from ocinb.spec.runtime_state import STOPPED
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from ocinb.commands.session import Session
    from ocinb.engine.containers import ContainerRecord
    from ocinb.engine.observing import Usage

COLUMNS = columns(
    "name cpu_percent:int cpu:duration memory:memory memory_limit:memory pids:int pids_limit:int? "
    "received:bytes? sent:bytes? read:bytes? written:bytes? out_of_memory:int? throttled:duration?"
)


@click.command(cls=Command)
@click.argument("containers", nargs=-1)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05, max=60),
    default=0.5,
    metavar="SECONDS",
    help="How long to look for CPU PERCENT (0.5).",
)
@click.option(
    "--no-stream", is_flag=True, expose_value=False, help="Tell it once, as is always done."
)
@listing
@click.pass_obj
def command(session: Session, containers: tuple[str, ...], interval: float) -> Table:
    """Tell what containers use of the machine.

    All of them if none is named. CPU PERCENT is of one processor; MEMORY is without what is only
    cached.
    """
    engine = session.engine
    if containers:
        records = [engine.containers.get(name) for name in containers]
    else:
        records = [found for found in engine.containers.all() if found.status != STOPPED]
    before = [_usage(record, asked=bool(containers)) for record in records]
    began = time.perf_counter()
    if any(before):
        time.sleep(interval)
    rows = []
    for record, first in zip(records, before, strict=True):
        second = _usage(record, asked=False) or first
        if first is None or second is None:
            continue
        passed = time.perf_counter() - began
        percent = round(100 * (second.cpu - first.cpu) / passed)
        rows.append(
            (record.name, percent, second.cpu, second.memory, second.memory_limit, second.pids,
             second.pids_limit, second.received, second.sent, second.read, second.written,
             second.out_of_memory, second.throttled)
        )  # fmt: skip
    return Table(COLUMNS, rows, title="what containers use")


def _usage(record: ContainerRecord, *, asked: bool) -> Usage | None:
    """None for one that has ended or that nobody counts for, unless it was asked for by name."""
    from ocinb.engine.observing import usage

    try:
        return usage(record)
    except (InvalidStatus, UnsupportedHost):
        if asked:
            raise
        return None

"""``events``: what became of containers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from ocinb.commands.options import listing
from ocinb.commands.tree import Command
from ocinb.commands.values import Narration, Said
from ocinb.commands.when import moment
from ocinb.table import Table, columns, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.commands.session import Session
    from ocinb.engine.engine import Engine
    from ocinb.events import Happened

COLUMNS = columns("time:clock action name exit_status:int detail image? container?")


@click.command(cls=Command)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, a line each.")
@click.option("--since", metavar="TIME", help="From then on: 10m (ago), or a time (RFC 3339).")
@click.option("--until", metavar="TIME", help="Up to then; ends --follow, as in 10s from now.")
@click.option(
    "--filter", "filters", multiple=True, metavar="NAME=VALUE",
    help="action=die, container=NAME, image=NAME; can be repeated.",
)  # fmt: skip
@listing
@click.pass_obj
def command(
    session: Session, follow: bool, since: str | None, until: str | None, filters: tuple[str, ...]
) -> Any:
    """Tell what became of containers, also of those that are no more.

    create, start, oom, die, kill, pause, unpause, update, rename, exec, connect, disconnect,
    health_status, remove.
    """
    from ocinb.commands.event_filters import fits, wishes

    engine = session.engine
    after, wanted = moment("--since", since), wishes(filters)
    if follow:
        return Narration(_lines(engine, after, until, wanted))
    before = moment("--until", until)
    rows = [
        (e.time, e.action, e.name, None if e.exit_status < 0 else e.exit_status, e.detail,
         e.image, e.container)
        for e in engine.happenings.past()
        if (after is None or e.time >= after)
        and (before is None or e.time <= before)
        and fits(e, wanted)
    ]  # fmt: skip
    return Table(COLUMNS, rows, title="what became of containers")


def _lines(
    engine: Engine, after: float | None, until: str | None, wanted: dict[str, set[str]]
) -> Iterator[Said]:
    from ocinb.commands.event_filters import fits
    from ocinb.commands.quantities import seconds

    end = None if until is None else time.time() + seconds("--until", until)
    if after is not None:
        yield from (
            _line(e) for e in engine.happenings.past() if e.time >= after and fits(e, wanted)
        )
    for event in engine.happenings.follow(lambda: end is not None and time.time() >= end):
        if fits(event, wanted):
            yield _line(event)


def _line(event: Happened) -> Said:
    status = "" if event.exit_status < 0 else f" exit status {event.exit_status}"
    detail = f" {event.detail}" if event.detail else ""
    return Said(f"{rfc3339(event.time)} {event.action} {event.name}{status}{detail}")

"""``logs``: what a container has written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ocinb.commands.output import write_bytes
from ocinb.commands.tree import Command
from ocinb.commands.values import Output
from ocinb.commands.when import moment
from ocinb.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ocinb.commands.session import Session
    from ocinb.engine.log_file import LogChunk


@click.command(cls=Command)
@click.argument("container")
@click.option("-f", "--follow", is_flag=True, help="Go on until the container ends.")
@click.option("--since", metavar="TIME", help="From then on: 10m (ago), or a time (RFC 3339).")
@click.option("--until", metavar="TIME", help="Up to then.")
@click.option("-n", "--tail", metavar="N", help="The last N lines only; all if not given.")
@click.option("-t", "--timestamps", is_flag=True, help="When, before each line.")
@click.pass_obj
def command(
    session: Session,
    container: str,
    follow: bool,
    since: str | None,
    until: str | None,
    tail: str | None,
    timestamps: bool,
) -> Output | None:
    """Show what a container has written so far.

    Of a long log the end is kept: the last 10 MB at least, and 20 MB at the most.
    """
    after, before = moment("--since", since), moment("--until", until)
    lines = _count(tail)
    engine = session.engine
    if not follow or (before is not None and before <= time.time()):
        chunks = _between(engine.containers.logs(container), after, before)
        return Output(_shown(_last(chunks, lines), timestamps))
    followed = engine.containers.logs(container, follow=True, tail=lines, until=before)
    for data, stream in _shown(_between(followed, after, before), timestamps):
        (session.output or write_bytes)(data, stream)
    return None


def _count(tail: str | None) -> int | None:
    if tail is None or tail in ("all", "-1"):
        return None
    if not tail.isdigit():
        raise CommandError(f"--tail {tail} is not a number of lines", hint="as in --tail 20")
    return int(tail)


def _between(
    chunks: Iterable[LogChunk], after: float | None, before: float | None
) -> Iterator[LogChunk]:
    from ocinb.table import parse_rfc3339

    for chunk in chunks:
        when = parse_rfc3339(chunk.time) if after or before else None
        if when is not None and before is not None and when > before:
            return
        if when is None or after is None or when >= after:
            yield chunk


def _last(chunks: Iterable[LogChunk], lines: int | None) -> Iterable[LogChunk]:
    from ocinb.engine.log_following import last_lines

    return chunks if lines is None else last_lines(chunks, lines)


def _shown(chunks: Iterable[LogChunk], timestamps: bool) -> Iterator[tuple[bytes, int]]:
    """The output, with the time before what begins a line of its stream."""
    begun: dict[int, bool] = {}
    for chunk in chunks:
        head = b""
        if timestamps and not begun.get(chunk.stream):
            head = f"{chunk.time} ".encode()
        begun[chunk.stream] = not chunk.data.endswith(b"\n")
        yield head + chunk.data, chunk.stream

"""How each value of a command looks in a shell: on a terminal, and in a pipe."""

from __future__ import annotations

import json
import os
import shutil
import sys
from functools import singledispatch
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ocinb.commands.output import write_bytes
from ocinb.commands.values import (
    Document,
    Done,
    Exited,
    Heading,
    Interactive,
    Json,
    Lines,
    Output,
    Picture,
    Ran,
    Raw,
    Said,
    Stream,
    Text,
)
from ocinb.layout import GAP, fitting, widths
from ocinb.table import NUMERIC, Column, Table, aligned, one_line, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def coloured() -> bool:
    """Whether standard output is a terminal that may have colours (no-color.org)."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size((80, 24)).columns


@singledispatch
def show(value: Any) -> None:
    """Print a value; an image or a container prints its name, other objects their text.

    What a registry still allows after a pull is told on a terminal only.
    """
    print(getattr(value, "name", value))
    allowance = getattr(value, "allowance", "")
    if allowance and on_terminal():
        print(one_line(allowance))


@show.register
def _nothing(_value: None) -> None:
    """A command without an answer prints nothing."""


@show.register
def _text(value: Text) -> None:
    print(value, end="" if not value or value.endswith("\n") else "\n")


@show.register
def _output(value: Output) -> None:
    for stream, chunks in groupby(value.chunks, key=itemgetter(1)):
        write_bytes(b"".join(data for data, _ in chunks), stream)


@show.register
def _raw(value: Raw) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(value)


@show.register
def _stream(value: Stream) -> None:
    sys.stdout.flush()
    value.write_to(sys.stdout.buffer)


@show.register
def _lines(value: Lines) -> None:
    for line in value:
        print(line)


@show.register
def _json(value: Json) -> None:
    print(value)


@show.register
def _done(value: Done) -> None:
    print(value.message if on_terminal() else value.subject)


@show.register
def _ran(_value: Ran) -> None:
    """Its output was shown while it ran."""


@show.register
def _exited(_value: Exited) -> None:
    """Its output was shown while it ran."""


@show.register
def _heading(value: Heading) -> None:
    print(f"\n\033[1m{value}\033[0m" if coloured() else f"\n{value}")


@show.register
def _said(value: Said) -> None:
    print(value)


@show.register
def _document(value: Document) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if coloured():
        _console().print_json(text, indent=2)
    else:
        print(text)


@show.register
def _picture(value: Picture) -> None:
    show(value.table)


@show.register
def _interactive(value: Interactive) -> None:
    show(value.table)
    print(value.instead, file=sys.stderr)


@show.register
def _table(value: Table) -> None:
    if value.empty and not value.rows:
        print(value.empty, file=sys.stderr)
        return
    if not on_terminal():
        print(aligned(value.kinds, value.rows, short=False))
        return
    columns = fitting(value, width())
    _console().print(_drawn(value, columns, width()))


def narrate(part: Any) -> None:
    """Print a part of a narration; its tables are for reading, also in a pipe."""
    table = part.table if isinstance(part, Picture) else part
    if not isinstance(table, Table) or on_terminal():
        show(part)
        return
    kept = [i for i, column in enumerate(table.columns) if not column.detail]
    kinds = {table.columns[i].name: table.columns[i].kind for i in kept}
    print(aligned(kinds, [tuple(row[i] for i in kept) for row in table.rows]))


def _drawn(table: Table, columns: Sequence[Column], available: int) -> Any:
    import rich.table
    from rich.text import Text as RichText

    drawn = rich.table.Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, room in zip(columns, widths(table, columns, available), strict=True):
        drawn.add_column(
            column.title,
            justify="right" if column.kind in NUMERIC else "left",
            width=room,
            no_wrap=not table.wrap,
            overflow="ellipsis",
            style="cyan" if column.kind == "digest" else None,
        )
    index = [table.columns.index(column) for column in columns]
    for row in table.rows:
        cells = (one_line(shown(table.columns[i].kind, row[i])) for i in index)
        # Text, never markup: names and history lines come from other people's images.
        drawn.add_row(*map(RichText, cells))
    return drawn


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)

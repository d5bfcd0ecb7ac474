"""How a listing fits into so many characters: details go first, then the widest texts give way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.table import NUMERIC, Column, Table, one_line, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
"""Spaces between columns."""
NARROWEST = 8
"""Characters to which a text may be cut."""


def fitting(table: Table, available: int) -> list[Column]:
    """The columns to show: where the terminal is narrow details are left out, last first, and
    where even cut texts do not fit, further columns.
    """
    columns = list(table.columns)
    needed = {c.name: _width(table, c) + GAP for c in columns}
    for column in reversed(table.columns):
        if column.detail and sum(needed[c.name] for c in columns) > available:
            columns.remove(column)
    least = {
        c.name: (min(needed[c.name], NARROWEST + GAP) if c.kind == "text" else needed[c.name])
        for c in columns
    }
    while len(columns) > 1 and sum(least[c.name] for c in columns) - GAP > available:
        columns.pop()
    return columns


def widths(table: Table, columns: Sequence[Column], available: int) -> list[int]:
    """Characters for each column: the widest texts give way until the line fits."""
    found = [_width(table, column) for column in columns]
    texts = [i for i, column in enumerate(columns) if column.kind == "text"]
    spare = available - GAP * (len(columns) - 1)
    while sum(found) > spare and texts:
        widest = max(texts, key=found.__getitem__)
        if found[widest] <= NARROWEST:
            break
        found[widest] -= 1
    return found


def lines(table: Table, available: int) -> list[str]:
    """The listing as plain text; a line is longer only where nothing more can give way."""
    columns = fitting(table, available)
    room = widths(table, columns, available)
    cells = [[column.title for column in columns]]
    index = [table.columns.index(column) for column in columns]
    for row in table.rows:
        cells.append([one_line(shown(table.columns[i].kind, row[i])) for i in index])
    numeric = [column.kind in NUMERIC for column in columns]
    return [
        (" " * GAP)
        .join(
            _cut(cell, width).rjust(width) if right else _cut(cell, width).ljust(width)
            for cell, width, right in zip(line, room, numeric, strict=True)
        )
        .rstrip()
        for line in cells
    ]


def _width(table: Table, column: Column) -> int:
    cells = (len(one_line(shown(column.kind, value))) for value in table.column(column.name))
    return max([len(column.title), *cells])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"

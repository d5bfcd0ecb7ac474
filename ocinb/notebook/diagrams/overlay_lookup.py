"""A look-up through the layers: from the top down to the one that decides about a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.frozen import Frozen
from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.layer_stack import made_by
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet
from ocinb.table import human_bytes, one_line

if TYPE_CHECKING:
    from ocinb.table import Table

ROW, EYE = 58, 34
LINE_X, PLATE_X, PLATE_WIDTH, TEXT_X = 56, 84, 108, 214
SIZE_ROOM = 120
MANY, MOST = 12, 40
"""Layers from which those that say nothing are gathered, and rows that are drawn."""

_SETTLES = frozenset({"adds", "replaces", "lists again", "deletes", "hides"})
_GONE = frozenset({"deletes", "hides"})


class Row(Frozen):
    """What a layer says; see ``insight.origin.WHY_COLUMNS``."""

    layer: int
    says: str
    seen: str
    size: int | None
    contributed: int
    by: str
    created_by: str
    count: int = 1


def overlay_lookup(table: Table) -> Diagram:
    """Draw the listing of ``Image.lookup_table``: its rows are bottom to top, the look-up begins
    at the top.

    Spec: image-spec layer.md#applying-changesets
    """
    rows = [_row(record) for record in reversed(table.records())]
    count = f"of {len(rows)} layer{'' if len(rows) == 1 else 's'}"
    rows = _gathered(rows) if len(rows) > MANY else rows
    path, _, image = table.title.rpartition(" of ")
    decides = next((n for n, row in enumerate(rows) if row.says in _SETTLES), len(rows))
    ends = _end(rows, decides)
    answer = _answer(rows, decides)
    alt = f"Look-up of {path} in {image}, from the top layer down. " + "; ".join(
        f"layer {row.layer} {_words(row)}" for row in rows
    )
    alt = f"{alt}. {answer}."
    height = HEAD + EYE + ROW * len(rows) + FOOT
    sheet = Sheet(height, title=table.title, description=alt)
    sheet.rule("thick", "stroke-width:2.5;fill:none")
    sheet.head(path, f"in {image}: from the top, the first layer that knows it decides",
               _short(rows, decides), count)  # fmt: skip
    sheet.text(LINE_X, HEAD + 22, "look-up", "accent", size=12, face="bold", anchor="middle")
    top = HEAD + EYE
    _line(sheet, top, len(rows), ends)
    for number, row in enumerate(rows):
        _draw(sheet, top + ROW * number, row, asked=number <= ends)
    sheet.foot(answer, "image-spec: layer.md#applying-changesets")
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _row(record: dict[str, Any]) -> Row:
    values: Any = {name: record[name] for name in Row._fields if name in record}
    return Row(**values)


def _gathered(rows: list[Row]) -> list[Row]:
    """Neighbours that do not mention the path as one; of very many that do, the upper ones."""
    found: list[Row] = []
    for row in rows:
        last = found[-1] if found else None
        silent = last is not None and not last.says and not row.says
        if last is not None and (silent or len(found) >= MOST):
            values = {**dict(last), "count": last.count + 1, "created_by": ""}
            found[-1] = Row(**values)
        else:
            found.append(row)
    return found


def _end(rows: list[Row], decides: int) -> int:
    """The last layer that is asked: directories are merged with those below, down to the end
    or to a layer that hides what is beneath it."""
    if decides >= len(rows) or not _is_merged(rows, decides):
        return min(decides, len(rows) - 1)
    below = range(decides + 1, len(rows))
    return next((n for n in below if rows[n].says in _GONE), len(rows) - 1)


def _is_merged(rows: list[Row], decides: int) -> bool:
    return rows[decides].says == "lists again"


def _line(sheet: Sheet, top: float, count: int, ends: int) -> None:
    tip = top + ROW * ends + ROW / 2
    sheet.line(LINE_X, HEAD + 28, LINE_X, tip - 6, "path thick")
    points: list[tuple[float, float]] = [
        (LINE_X - 5, tip - 8),
        (LINE_X + 5, tip - 8),
        (LINE_X, tip),
    ]
    sheet.polygon(points, "accent")
    if ends < count - 1:
        bottom = top + ROW * count - 12
        sheet.line(LINE_X, tip + 8, LINE_X, bottom, "line", more='stroke-dasharray="2 5"')


def _draw(sheet: Sheet, top: float, row: Row, *, asked: bool) -> None:
    y = top + 12
    middle = PLATE_X + PLATE_WIDTH / 2
    if row.says in _GONE:
        sheet.rect(PLATE_X, y, PLATE_WIDTH, 34, "stroke hollow", radius=6,
                   more='stroke-width="1.6" stroke-dasharray="5 3"')  # fmt: skip
        kind = "delete"
    elif row.seen:
        sheet.rect(PLATE_X, y, PLATE_WIDTH, 34, "own", radius=6)
        sheet.rect(PLATE_X, y, PLATE_WIDTH, 34, "stroke path", radius=6, more='stroke-width="2"')
        kind = "accent"
    else:
        sheet.rect(PLATE_X, y, PLATE_WIDTH, 34, "faint", radius=6)
        kind = "ink" if row.says in _SETTLES and asked else "soft"
    sheet.text(middle, y + 22, f"layer {row.layer}", kind, size=13, face="bold", anchor="middle")
    right = WIDTH - MARGIN
    room = right - TEXT_X - SIZE_ROOM
    words = _words(row) if asked or not row.says else f"{_words(row)}: not seen"
    sheet.text(TEXT_X, top + 25, words, kind, size=13, face="bold", room=room)
    made = made_by(row.created_by) if row.count == 1 else ""
    sheet.text(TEXT_X, top + 43, made, "soft", size=12, room=room)
    size = row.size if row.size is not None else row.contributed or None
    if size is not None:
        sheet.text(right, top + 25, human_bytes(size), kind, size=13, face="bold", anchor="end")
        note = "the file" if row.size is not None else "beneath it"
        sheet.text(right, top + 43, note, "soft", size=12, anchor="end")


def _words(row: Row) -> str:
    if row.count > 1:
        return f"and {row.count - 1} below {'say more' if row.says else 'do not mention it'}"
    if row.says in _GONE:
        how = "has a whiteout for" if row.says == "deletes" else "hides it by"
        return f"{how} {one_line(row.by)}"
    return {
        "": "does not mention it",
        "beneath": "has something beneath it",
        "adds": "has it",
        "replaces": "has it, in the place of a lower one",
        "lists again": "has the directory too",
    }.get(row.says, row.says)


def _answer(rows: list[Row], decides: int) -> str:
    if decides >= len(rows):
        return "no layer has it"
    row = rows[decides]
    if row.says in _GONE:
        return f"not seen: layer {row.layer} takes it away"
    if _is_merged(rows, decides):
        return "a directory: its entries are merged from all layers that have it"
    return f"seen: that of layer {row.layer}"


def _short(rows: list[Row], decides: int) -> str:
    if decides >= len(rows) or rows[decides].says in _GONE:
        return "not seen"
    return "merged" if _is_merged(rows, decides) else f"layer {rows[decides].layer}"

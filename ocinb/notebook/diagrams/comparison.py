"""Two images, containers or bundles side by side: what is the same, and what is not."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet
from ocinb.table import one_line

if TYPE_CHECKING:
    from ocinb.table import Table

NAMES, GROUP, ROW = 34, 34, 27
NAME_ROOM = 298
ONE_X, OTHER_X, SIDE = 324, 562, 214
SIGN_X = (ONE_X + SIDE + OTHER_X) / 2
BAR = 128
"""Pixels of the longest step; others by the square root of their time."""
MOST = 16
"""Rows of a group that are drawn; those that differ come before those that are the same."""

_GROUPS = {
    "fact": "What was run",
    "step": "How long each step took",
    "call": "System calls, as strace counted them",
    "layer": "Layers, from the base up",
    "config": "The image config",
    "files": "Files",
    "field": "Fields of config.json",
}
_KEEPS_ORDER = frozenset({"fact", "step", "call", "layer", "files"})

Record = dict[str, Any]


def comparison(table: Table) -> Diagram:
    """Draw a listing of ``insight.comparison``.

    Spec: image-spec layer.md#change-types
    """
    records = table.records()
    one, _, other = table.title.partition(" and ")
    groups = [
        (subject, _chosen(subject, list(rows)))
        for subject, rows in groupby(records, key=lambda record: str(record["subject"]))
    ]
    differ = sum(record["same"] == "no" for record in records)
    alt = _in_words(table.title, records, differ)
    height: float = HEAD + NAMES + sum(GROUP + ROW * len(rows) for _, (rows, _) in groups)
    height += 18 * sum(bool(words) for _, (_, words) in groups) + (30 if not groups else 12)
    sheet = Sheet(height + FOOT, title=table.title, description=alt)
    sheet.rule("differs", "fill:#fff4e5", "fill:#33260f")
    sheet.head("Side by side", f"{one} and {other}", str(differ),
               "difference" if differ == 1 else "differences")  # fmt: skip
    for x, name in ((ONE_X, one), (OTHER_X, other)):
        sheet.text(x, HEAD + 23, name, "accent", size=13, face="bold", room=SIDE)
    top: float = HEAD + NAMES
    for subject, (rows, words) in groups:
        top = _group(sheet, top, subject, rows, words)
    if not groups:
        sheet.text(MARGIN, top + 16, "they do not differ", size=13)
    steps = any(subject == "step" for subject, _ in groups)
    sheet.foot("bars by the square root of time" if steps else "≠ not the same")
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _chosen(subject: str, rows: list[Record]) -> tuple[list[Record], str]:
    """The rows of a group that are drawn, and a word about the others."""
    if subject in _KEEPS_ORDER and len(rows) <= MOST:
        return rows, ""
    differing = [row for row in rows if row["same"] != "yes"]
    kept = differing[:MOST]
    words = []
    if len(differing) > len(kept):
        words.append(f"{len(differing) - len(kept):,} more that differ")
    if len(rows) > len(differing):
        words.append(f"{len(rows) - len(differing):,} that are the same")
    return kept, f"… and {', '.join(words)}" if words else ""


def _group(sheet: Sheet, top: float, subject: str, rows: list[Record], words: str) -> float:
    sheet.line(MARGIN, top + 4, WIDTH - MARGIN, top + 4, "line")
    sheet.text(MARGIN, top + 25, _GROUPS.get(subject, subject), size=13, face="bold")
    top += GROUP
    times = [row[side] or 0.0 for row in rows for side in ("one_took", "other_took")]
    for row in rows:
        _row(sheet, top, row, max(times))
        top += ROW
    if words:
        sheet.text(MARGIN, top + 10, words, "soft", size=12)
        top += 18
    return top


def _row(sheet: Sheet, top: float, row: Record, longest: float) -> None:
    y = top + 17
    differs = row["same"] == "no"
    if differs:
        sheet.rect(MARGIN - 8, top, WIDTH - 2 * MARGIN + 16, ROW - 3, "differs", radius=5)
    sheet.text(MARGIN, y, one_line(row["name"]), "soft", size=12, room=NAME_ROOM)
    kind = "ink" if differs or not row["same"] else "soft"
    for x, side in ((ONE_X, "one"), (OTHER_X, "other")):
        value = one_line(row[side])
        if value:
            sheet.text(x, y, value, kind, size=12, room=SIDE)
        else:
            sheet.text(x, y, "none", "soft", size=12)
    if row["same"]:
        sign, ink = ("≠", "delete") if differs else ("=", "soft")
        sheet.text(SIGN_X, y, sign, ink, size=13, face="bold", anchor="middle")
    for x, side in ((ONE_X, "one_took"), (OTHER_X, "other_took")):
        if row[side] and longest:
            width = max(BAR * (row[side] / longest) ** 0.5, 2)
            sheet.rect(x + SIDE - BAR, y - 9, width, 9, "accent", radius=3)


def _in_words(title: str, records: list[Record], differ: int) -> str:
    told = [
        f"{row['subject']} {one_line(row['name'])}: {one_line(row['one']) or 'none'} and "
        f"{one_line(row['other']) or 'none'}"
        for row in records
        if row["same"] != "yes"
    ]
    words = "; ".join(told[:MOST]) or "they do not differ"
    return f"{title} side by side, {differ} differences. {words}."

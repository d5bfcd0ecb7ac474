"""The component chain: from an orchestrator to the kernel, what is here and what took part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet, fit, text_width

if TYPE_CHECKING:
    from ocinb.table import Table

ROLE_X, CHIP_X, CHIP, SPACE = MARGIN, 150, 42, 10
BETWEEN = 34
"""Pixels between two levels, for the arrow."""

_ASKS = {
    2: "asks by the CRI",
    3: "starts one for each container",
    4: "calls by the command line of OCI runtimes",
    5: "calls the kernel",
}

Record = dict[str, Any]


def component_chain(table: Table) -> Diagram:
    """Draw the listing of ``insight.components.components_table``: a band for each level.

    Spec: runtime-spec glossary.md#runtime
    """
    levels: dict[int, list[Record]] = {}
    for record in table.records():
        levels.setdefault(record["level"], []).append(record)
    lines = {level: _lines(records) for level, records in levels.items()}
    heights = {level: len(rows) * (CHIP + SPACE) - SPACE + 20 for level, rows in lines.items()}
    took_part = any(record["part"] for record in table.records())
    alt = _in_words(table.title, levels)
    height = HEAD + 14 + sum(heights.values()) + BETWEEN * (len(levels) - 1) + 12 + FOOT
    sheet = Sheet(height, title=table.title, description=alt)
    here = sum(record["present"] == "yes" for record in table.records())
    title = table.title[:1].upper() + table.title[1:]
    sheet.head(title, "who asks whom, until the kernel has made a process",
               f"{here} of {len(table)}", "are on this machine")  # fmt: skip
    top = HEAD + 14.0
    for level, rows in lines.items():
        if level > 1:
            _arrow(sheet, top, level)
            top += BETWEEN
        _band(sheet, top, heights[level], rows, took_part)
        top += heights[level]
    words = "solid: here · dashed: not here" + (" · framed: took part" if took_part else "")
    sheet.foot(words, "runtime-spec: glossary.md#runtime")
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _lines(records: list[Record]) -> list[list[Record]]:
    """Chips in lines; what is here comes first."""
    lines: list[list[Record]] = [[]]
    room = WIDTH - MARGIN - CHIP_X - 12
    used = 0.0
    for record in sorted(records, key=lambda r: (not r["part"], r["present"] != "yes")):
        width = _width(record)
        if lines[-1] and used + width > room:
            lines.append([])
            used = 0.0
        lines[-1].append(record)
        used += width + SPACE
    return lines


def _width(record: Record) -> float:
    lower = text_width(_note(record), 11)
    return max(text_width(record["component"], 13, "bold"), min(lower, 270), 60) + 32


def _band(
    sheet: Sheet, top: float, height: float, rows: list[list[Record]], took_part: bool
) -> None:
    sheet.rect(MARGIN - 8, top, WIDTH - 2 * MARGIN + 16, height, "stripe", radius=9)
    sheet.text(ROLE_X + 6, top + height / 2 + 5, rows[0][0]["role"], size=13, face="bold")
    y = top + 10
    for line in rows:
        x = float(CHIP_X)
        for record in line:
            x += _chip(sheet, x, y, record, took_part) + SPACE
        y += CHIP + SPACE


def _chip(sheet: Sheet, x: float, y: float, record: Record, took_part: bool) -> float:
    width = _width(record)
    here = record["present"] == "yes"
    if here:
        sheet.rect(x, y, width, CHIP, "own" if record["part"] or not took_part else "faint",
                   radius=7)  # fmt: skip
    if record["part"]:
        sheet.rect(x, y, width, CHIP, "stroke path", radius=7, more='stroke-width="2"')
    elif not here:
        sheet.rect(x, y, width, CHIP, "stroke edge", radius=7,
                   more='stroke-dasharray="4 3" opacity=".8"')  # fmt: skip
    note = _note(record)
    name_y = y + (18 if note else 26)
    kind = "ink" if here and (record["part"] or not took_part) else "soft"
    sheet.text(x + 12, name_y, record["component"], kind, size=13, face="bold")
    if note:
        sheet.text(x + 12, y + 34, fit(note, width - 18, 11), "soft", size=11)
    return width


def _note(record: Record) -> str:
    if record["part"]:
        return str(record["part"])
    if record["role"] == "kernel":
        return str(record["detail"])
    if record["present"] != "yes":
        return ""
    otherwise = record["detail"] if record["component"].startswith("ocinb") else "not running"
    return f"{record['running']} running" if record["running"] else otherwise


def _arrow(sheet: Sheet, top: float, level: int) -> None:
    x, bottom = ROLE_X + 40, top + BETWEEN
    sheet.line(x, top + 4, x, bottom - 10, "edge")
    sheet.polygon([(x - 5, bottom - 11), (x + 5, bottom - 11), (x, bottom - 3)], "soft")
    sheet.text(x + 14, top + 21, _ASKS.get(level, ""), "soft", size=11.5)


def _in_words(title: str, levels: dict[int, list[Record]]) -> str:
    parts = []
    for records in levels.values():
        here = [_told(record) for record in records if record["present"] == "yes"]
        parts.append(f"{records[0]['role']}: {', '.join(here) or 'none here'}")
    return f"{title}, from the top. {'; '.join(parts)}."


def _told(record: Record) -> str:
    return f"{record['component']} ({record['part']})" if record["part"] else record["component"]

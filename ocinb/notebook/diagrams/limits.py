"""Limits of a running container, and how much of each is used at this moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet

if TYPE_CHECKING:
    from ocinb.table import Table

ROW, BAR = 78, 14
BAR_WIDTH = WIDTH - 2 * MARGIN
CLOSE = 0.9
"""Share of a limit from which it is drawn as a warning."""


def limits(table: Table) -> Diagram:
    """Draw the listing of ``insight.limits.limits_table``.

    Spec: runtime-spec config-linux.md#control-groups
    """
    records = table.records()
    limited = sum(record["limit"] is not None for record in records)
    words = "; ".join(f"{record['resource']}: {record['reads']}" for record in records)
    alt = f"{table.title}: {words}."
    sheet = Sheet(HEAD + ROW * len(records) + FOOT, title=table.title, description=alt)
    title = table.title[:1].upper() + table.title[1:]
    sheet.head(title, "what the control groups count, at one moment",
               f"{limited} of {len(records)}", "are limited")  # fmt: skip
    for number, record in enumerate(records):
        _row(sheet, HEAD + ROW * number, record)
    sheet.foot("│ the most that was used so far · dashed: no limit",
               "runtime-spec: config-linux.md#control-groups")  # fmt: skip
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _row(sheet: Sheet, top: float, record: dict[str, Any]) -> None:
    right = WIDTH - MARGIN
    if top > HEAD:
        sheet.line(MARGIN, top, right, top, "line", more='opacity=".5"')
    sheet.text(MARGIN, top + 27, record["resource"], size=13.5, face="bold")
    sheet.text(right, top + 27, record["reads"], size=13, face="bold", anchor="end")
    y, limit = top + 37, record["limit"]
    if limit:
        share = record["used"] / limit
        sheet.rect(MARGIN, y, BAR_WIDTH, BAR, "faint", radius=BAR / 2)
        width = max(BAR_WIDTH * min(share, 1.0), BAR / 2)
        kind = "error" if share >= CLOSE else "accent"
        sheet.rect(MARGIN, y, width, BAR, kind, radius=BAR / 2)
        if record["peak"]:
            x = MARGIN + BAR_WIDTH * min(record["peak"] / limit, 1.0)
            sheet.line(x, y - 3, x, y + BAR + 3, "edge", more='stroke-width="2"')
        told = f"{share:.0%} of the limit"
    else:
        sheet.rect(MARGIN, y, BAR_WIDTH, BAR, "stroke edge", radius=BAR / 2,
                   more='stroke-dasharray="4 4"')  # fmt: skip
        told = "no limit"
    sheet.text(MARGIN, y + BAR + 16, f"{record['field']}, {record['file']}", "soft", size=11.5)
    sheet.text(right, y + BAR + 16, told, "soft", size=11.5, anchor="end")

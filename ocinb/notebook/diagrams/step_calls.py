"""One step of the lifecycle, opened: its system calls and hooks on a time line."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet
from ocinb.table import human_duration, one_line, parse_rfc3339

if TYPE_CHECKING:
    from ocinb.table import Table

ROW = 24
CALL_ROOM, FIELD_X, FIELD_ROOM, PLOT_X = 350, 384, 150, 542
PLOT_WIDTH = 160
MOST = 40
"""Rows that are drawn; of more the longest are kept, in their order."""


def step_calls(table: Table) -> Diagram:
    """Draw the listing of ``trace.step_calls``.

    Spec: runtime-spec runtime.md#lifecycle
    """
    records = [record for record in table.records() if record["event"] != "StatusChanged"]
    kept = _longest(records)
    times = [parse_rfc3339(record["time"]) or 0.0 for record in records]
    starts = [time - (r["took"] or 0.0) for time, r in zip(times, records, strict=True)]
    first, last = min(starts, default=0.0), max(times, default=0.0)
    span = (last - first) or 1.0
    spent = sum(record["took"] or 0.0 for record in records)
    alt = _in_words(table.title, len(records), spent, [records[n]["what"] for n in kept])
    sheet = Sheet(HEAD + 10 + ROW * max(len(kept), 1) + FOOT, title=table.title, description=alt)
    title = table.title[:1].upper() + table.title[1:]
    sheet.head(title, f"{len(records)} calls and hooks, {human_duration(spent)} spent in them",
               human_duration(last - first), "from the first to the last")  # fmt: skip
    for place, number in enumerate(kept):
        record, top = records[number], HEAD + 10 + ROW * place
        if place % 2:
            sheet.rect(MARGIN - 8, top, WIDTH - 2 * MARGIN + 16, ROW, "stripe", radius=4)
        kind = "change" if record["failure"] else "ink"
        what = one_line(record["what"])
        sheet.text(MARGIN, top + 16, what, kind, size=11.5, face="mono", room=CALL_ROOM)
        field = " ".join(filter(None, [_errno(record["failure"]), record["detail"]]))
        sheet.text(FIELD_X, top + 16, one_line(field), "soft", size=11.5,
                   room=FIELD_ROOM)  # fmt: skip
        x = PLOT_X + PLOT_WIDTH * (starts[number] - first) / span
        width = max(PLOT_WIDTH * (record["took"] or 0.0) / span, 2.5)
        sheet.rect(x, top + 8, width, 9, "accent", radius=2)
        took = human_duration(record["took"] or 0.0)
        sheet.text(WIDTH - MARGIN, top + 16, took, "soft", size=11.5, anchor="end")
    if not kept:
        sheet.text(MARGIN, HEAD + 26, "nothing was recorded in it", "soft", size=12)
    left_out = len(records) - len(kept)
    words = f"… {left_out} shorter ones are not drawn" if left_out else "the field is config.json's"
    sheet.foot(words, "runtime-spec: runtime.md#lifecycle")
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _errno(failure: str) -> str:
    """``ENOENT``: to ask whether something is there is no mistake."""
    number = failure.removeprefix("errno ")
    return errno.errorcode.get(int(number), failure) if number.isdigit() else failure


def _longest(records: list[dict[str, object]]) -> list[int]:
    """Numbers of the records to draw, in their order."""
    by_length = sorted(range(len(records)), key=lambda n: -float(str(records[n]["took"] or 0.0)))
    return sorted(by_length[:MOST])


def _in_words(title: str, count: int, spent: float, calls: list[str]) -> str:
    told = "; ".join(one_line(call) for call in calls[:12])
    return f"{title}: {count} calls and hooks, {human_duration(spent)} in them. {told}."

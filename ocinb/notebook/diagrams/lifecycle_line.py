"""The lifecycle on a time line: thirteen steps, four states, real times."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ocinb.frozen import Frozen
from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import WIDTH, Sheet, text_width
from ocinb.spec.lifecycle import CREATED_AFTER, STEPS
from ocinb.spec.runtime_state import STATUSES
from ocinb.table import human_duration, parse_rfc3339

if TYPE_CHECKING:
    from ocinb.table import Table

HEAD, BAND, ROW, FOOT = 66, 46, 25, 44
MARGIN = 24
TITLE_X, TITLE_ROOM = 54, 300
PLOT_X, PLOT_WIDTH = 358, 344
NARROWEST = 58
"""Pixels that a state gets at least, however short it was."""


class Mark(Frozen):
    """A step that was reached.

    Attributes:
        begin, end: seconds since the first step began.
    """

    number: int
    begin: float
    end: float
    error: str
    detail: str


class Span(Frozen):
    """A status and when the container had it, with its place on the sheet."""

    status: str
    begin: float
    end: float
    x: float
    width: float


def lifecycle_line(table: Table) -> Diagram:
    """Draw the listing of ``trace.lifecycle``.

    Each status has a scale of its own, so that microseconds of set-up and minutes of running fit
    on one line; its length in time stands under its name.

    Spec: runtime-spec runtime.md#lifecycle
    """
    marks = _marks(table)
    spans = _spans(marks)
    alt = _in_words(table.title, marks, spans)
    height = HEAD + BAND + ROW * len(STEPS) + FOOT
    sheet = Sheet(height, title=table.title, description=alt)
    _rules(sheet)
    title = table.title[:1].upper() + table.title[1:]
    sheet.text(MARGIN, 32, title, size=17, face="bold", room=560)
    failed = next((mark for mark in marks.values() if mark.error), None)
    if failed:
        message = f"step {failed.number} failed: {failed.error}"
        sheet.text(MARGIN, 52, message, "error", size=12, room=560)
    else:
        sheet.text(MARGIN, 52, "each state has a time scale of its own", "soft", size=12)
    if marks:
        total = max(mark.end for mark in marks.values())
        right = WIDTH - MARGIN
        sheet.text(right, 32, human_duration(total), size=17, face="bold", anchor="end")
        sheet.text(right, 52, "from create to the last step", "soft", size=12, anchor="end")
    for span in spans:
        _band(sheet, span)
    for index, step in enumerate(STEPS):
        top = HEAD + BAND + index * ROW
        if index and step.operation != STEPS[index - 1].operation:
            sheet.line(MARGIN, top, WIDTH - MARGIN, top, "line")
        _row(sheet, top, index, marks.get(step.number), spans)
    _foot(sheet, height)
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _rules(sheet: Sheet) -> None:
    sheet.rule("creating", "fill:#8c959f", "fill:#8b949e")
    sheet.rule("created", "fill:#0072b2", "fill:#56b4e9")
    sheet.rule("running", "fill:#00805d", "fill:#3fbf95")
    sheet.rule("stopped", "fill:#a8500f", "fill:#e69f5a")
    sheet.rule("wash", "opacity:.09", "opacity:.13")


def _marks(table: Table) -> dict[int, Mark]:
    reached = [record for record in table.records() if record["started"] is not None]
    begins = {record["step"]: parse_rfc3339(record["started"]) or 0.0 for record in reached}
    first = min(begins.values(), default=0.0)
    return {
        record["step"]: Mark(
            number=record["step"],
            begin=begins[record["step"]] - first,
            end=begins[record["step"]] - first + (record["took"] or 0.0),
            error=record["failure"] or "",
            detail=record["detail"] or "",
        )
        for record in reached
    }


def _spans(marks: dict[int, Mark]) -> list[Span]:
    """The states that the container had, with widths by the square root of their length."""
    if not marks:
        return []
    last = max(mark.end for mark in marks.values())
    borders = [0.0]
    for upto in (CREATED_AFTER, 8, 10):
        done = [mark.end for number, mark in marks.items() if number <= upto]
        # Without the step that ends it, a state lasts until the end of what is known.
        reached = any(number > upto for number in marks) or upto in marks
        borders.append(max([borders[-1], *done]) if reached else last)
    borders.append(max(last, borders[-1]))
    lengths = [end - begin for begin, end in pairwise(borders)]
    kept = [i for i, length in enumerate(lengths) if length > 0]
    roots = sum(lengths[i] ** 0.5 for i in kept) or 1.0
    spare = PLOT_WIDTH - NARROWEST * len(kept)
    spans, x = [], float(PLOT_X)
    for i in kept:
        width = NARROWEST + spare * lengths[i] ** 0.5 / roots
        spans.append(
            Span(status=STATUSES[i], begin=borders[i], end=borders[i + 1], x=x, width=width)
        )
        x += width
    return spans


def _place(moment: float, spans: list[Span]) -> float:
    for span in spans:
        if moment <= span.end:
            share = (moment - span.begin) / (span.end - span.begin)
            return span.x + span.width * max(share, 0.0)
    return spans[-1].x + spans[-1].width


def _band(sheet: Sheet, span: Span) -> None:
    bottom = HEAD + BAND + ROW * len(STEPS)
    middle = span.x + span.width / 2
    sheet.rect(span.x + 1, HEAD, span.width - 2, bottom - HEAD, f"{span.status} wash")
    sheet.rect(span.x + 1, HEAD, span.width - 2, 4, span.status, radius=2)
    sheet.text(middle, HEAD + 21, span.status, size=12.5, face="bold", anchor="middle")
    length = human_duration(span.end - span.begin)
    sheet.text(middle, HEAD + 37, length, "soft", size=11, anchor="middle")


def _row(sheet: Sheet, top: float, index: int, mark: Mark | None, spans: list[Span]) -> None:
    step = STEPS[index]
    kind = "ink" if mark else "soft"
    sheet.text(MARGIN + 16, top + 17, str(step.number), "soft", size=12, anchor="end")
    sheet.text(TITLE_X, top + 17, step.title, kind, size=12.5, room=TITLE_ROOM)
    right = WIDTH - MARGIN
    if mark is None:
        sheet.text(right, top + 17, "not reached", "soft", size=11, anchor="end")
        return
    begin, end = _place(mark.begin, spans), _place(mark.end, spans)
    middle = top + ROW / 2
    status = "error" if mark.error else _status_at(mark.end, spans)
    if step.is_hook:
        _diamond(sheet, begin, middle, status)
    if end - begin >= 3:
        sheet.rect(begin, middle - 4.5, end - begin, 9, status, radius=3)
    elif not step.is_hook:
        sheet.circle(begin, middle, 4.2, status)
    if mark.error:
        sheet.text(right, top + 17, "failed", "error", size=11.5, face="bold", anchor="end")
    else:
        took = mark.end - mark.begin
        told = human_duration(took) if took >= 1e-6 else f"at {human_duration(mark.begin)}"
        sheet.text(right, top + 17, told, "soft", size=11.5, anchor="end")


def _diamond(sheet: Sheet, x: float, y: float, kind: str) -> None:
    sheet.polygon([(x - 5, y), (x, y - 5), (x + 5, y), (x, y + 5)], kind)


def _status_at(moment: float, spans: list[Span]) -> str:
    return next((span.status for span in spans if moment <= span.end), spans[-1].status)


def _foot(sheet: Sheet, height: float) -> None:
    y = height - FOOT + 27
    sheet.line(MARGIN, height - FOOT, WIDTH - MARGIN, height - FOOT, "line")
    sheet.circle(MARGIN + 6, y - 4, 4.2, "soft")
    sheet.text(MARGIN + 17, y, "a moment", "soft", size=12)
    x = MARGIN + 17 + text_width("a moment", 12) + 24
    sheet.rect(x, y - 8.5, 18, 9, "soft", radius=3)
    sheet.text(x + 25, y, "a time", "soft", size=12)
    x += 25 + text_width("a time", 12) + 24
    _diamond(sheet, x, y - 4, "soft")
    sheet.text(x + 11, y, "hooks", "soft", size=12)
    sheet.text(
        WIDTH - MARGIN, y, "runtime-spec: runtime.md#lifecycle", "soft", size=12, anchor="end"
    )


def _in_words(title: str, marks: dict[int, Mark], spans: list[Span]) -> str:
    states = ", ".join(f"{s.status} {human_duration(s.end - s.begin)}" for s in spans)
    failed = [f"step {mark.number} failed: {mark.error}" for mark in marks.values() if mark.error]
    parts: list[Any] = [f"{title}: {len(marks)} of {len(STEPS)} steps", states, *failed]
    return "; ".join(filter(None, parts)) + "."

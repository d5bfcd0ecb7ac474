"""Calls along the chain as a sequence: who asked whom for what, in the order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet, fit
from ocinb.table import human_duration, one_line, parse_rfc3339

if TYPE_CHECKING:
    from ocinb.table import Table

Record = dict[str, Any]

ROW, LANES = 38, 46
FIRST_X, LAST_X = 86, 330
"""Where the first and the last lifeline stand."""

WORDS_X = 404
MOST = 40
"""Rows that are drawn; of more the first ones."""


def call_sequence(table: Table) -> Diagram:
    """Draw a listing of ``calls``.

    Spec: runtime-spec runtime.md#operations
    """
    records = table.records()
    kept = records[:MOST]
    places = _places(records)
    alt = _in_words(table.title, records)
    height = HEAD + LANES + ROW * max(len(kept), 1) + 8 + FOOT
    sheet = Sheet(height, title=table.title, description=alt)
    _rules(sheet)
    times = [parse_rfc3339(record["time"]) or 0.0 for record in records]
    spent = sum(record["took"] or 0.0 for record in records)
    sheet.head(table.title[:1].upper() + table.title[1:], "each arrow is a call and its answer",
               f"{len(records)} calls", f"{human_duration(spent)} in them")  # fmt: skip
    wide = min(116, (LAST_X - FIRST_X) / max(len(places) - 1, 1) - 6)
    for name, x in places.items():
        sheet.line(x, HEAD + 38, x, height - FOOT - 6, "life")
        sheet.rect(x - wide / 2, HEAD + 10, wide, 26, "lane", radius=6)
        size = 11 if len(name) * 7 < wide else 9
        sheet.text(x, HEAD + 28, one_line(name), size=size, face="bold", anchor="middle", room=wide)
    for number, record in enumerate(kept):
        top = HEAD + LANES + ROW * number
        _call(sheet, top, record, places, times[number] - min(times))
    if not kept:
        sheet.text(WORDS_X, HEAD + LANES + 20, "nothing was asked", "soft", size=12)
    left_out = len(records) - len(kept)
    sheet.foot(f"… {left_out} later ones are not drawn" if left_out else "read from top to bottom",
               "runtime-spec: runtime.md#operations")  # fmt: skip
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _places(records: list[Record]) -> dict[str, float]:
    """Party → where its lifeline stands: those that ask at the left, those asked at the right."""
    callers = list(dict.fromkeys(record["caller"] for record in records))
    asked = [name for name in dict.fromkeys(r["called"] for r in records) if name not in callers]
    names = [*callers, *asked] or ["nobody"]
    step = (LAST_X - FIRST_X) / max(len(names) - 1, 1)
    return {name: FIRST_X + step * number for number, name in enumerate(names)}


def _call(sheet: Sheet, top: float, record: Record, places: dict[str, float], begin: float) -> None:
    start, end = places[record["caller"]], places[record["called"]]
    wrong = bool(record["failure"])
    way = 1 if end >= start else -1
    y = top + 14
    tip = end - 2 * way
    sheet.line(start + 4 * way, y, tip - 7 * way, y, "asks")
    sheet.polygon([(tip, y), (tip - 8 * way, y - 4), (tip - 8 * way, y + 4)], "asked")
    back = "wrong" if wrong else "answers"
    sheet.line(end - 4 * way, y + 13, start + 10 * way, y + 13, back)
    sheet.polygon(
        [(start + 3 * way, y + 13), (start + 11 * way, y + 9), (start + 11 * way, y + 17)],
        "error" if wrong else "accent",
    )
    when = human_duration(begin) if begin >= 1e-4 else "0 ms"
    sheet.text(WORDS_X - 8, top + 18, when, "soft", size=10.5, anchor="end")
    sheet.text(WORDS_X, top + 18, one_line(record["call"]), size=12.5, face="bold", room=180)
    about = one_line(record["subject"] or "")
    sheet.text(WORDS_X + 190, top + 18, about, "soft", size=11, face="mono", room=110)
    told = record["failure"] or record["answer"]
    kind = "error" if wrong else "soft"
    sheet.text(WORDS_X, top + 33, one_line(told), kind, size=11, room=300)
    took = "" if record["took"] is None else human_duration(record["took"])
    sheet.text(WIDTH - MARGIN, top + 18, took, size=11.5, anchor="end")


def _rules(sheet: Sheet) -> None:
    sheet.rule("life", "stroke:#c4ccd4;stroke-dasharray:2 4", "stroke:#4a525c")
    sheet.rule("lane", "fill:#eaf2fb;stroke:#b6cbe2", "fill:#1d2a3a;stroke:#35506e")
    sheet.rule("asks", "stroke:#57606a;stroke-width:1.5", "stroke:#9aa4af")
    sheet.rule("asked", "fill:#57606a", "fill:#9aa4af")
    sheet.rule("answers", "stroke:#0550ae;stroke-width:1.5;stroke-dasharray:5 3", "stroke:#58a6ff")
    sheet.rule("wrong", "stroke:#cf222e;stroke-width:1.5;stroke-dasharray:5 3", "stroke:#ff7b72")


def _in_words(title: str, records: list[Record]) -> str:
    parts = [
        f"{record['caller']} asks {record['called']} for {record['call']}: "
        + fit(record["failure"] or record["answer"], 500, 11)
        for record in records[:MOST]
    ]
    return f"{title}, {len(records)} calls. {'; '.join(parts)}."

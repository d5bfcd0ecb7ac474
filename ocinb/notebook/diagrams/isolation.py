"""A running container beside the host: which namespaces and mounts are shared, which its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet
from ocinb.table import one_line

if TYPE_CHECKING:
    from ocinb.table import Table

NAMES, ROW, MOUNTS, LINE = 34, 36, 50, 21
HOST_X, CONTAINER_X, PILL, PILL_WIDTH = 288, 540, 26, 236
COLUMNS = (MARGIN, 288, 380, 540)
"""Where a mount's target, type, options and source stand."""
MOST = 40
"""Mounts that are drawn."""

Record = dict[str, Any]


def isolation(table: Table) -> Diagram:
    """Draw the listing of ``insight.isolation.isolation_table``.

    Spec: runtime-spec config-linux.md#namespaces
    """
    records = table.records()
    namespaces = [record for record in records if record["part"] == "namespace"]
    mounts = [record for record in records if record["part"] == "mount"]
    shown = mounts[:MOST]
    container = table.title.rpartition(" of ")[2]
    own = sum(record["shared"] == "no" for record in namespaces)
    alt = _in_words(table.title, namespaces, mounts)
    height = HEAD + NAMES + ROW * len(namespaces) + MOUNTS + LINE * len(shown) + 12 + FOOT
    sheet = Sheet(height, title=table.title, description=alt)
    sheet.head(f"{container}, beside the host", "a namespace is the same where its number is",
               f"{own} of {len(namespaces)}", "namespaces are its own")  # fmt: skip
    for x, words in ((HOST_X, "the host"), (CONTAINER_X, container)):
        sheet.text(x + PILL_WIDTH / 2, HEAD + 23, words, size=13, face="bold", anchor="middle",
                   room=PILL_WIDTH)  # fmt: skip
    top = HEAD + NAMES
    for record in namespaces:
        _namespace(sheet, top, record)
        top += ROW
    _mounts(sheet, top, shown, len(mounts))
    more = len(mounts) - len(shown)
    words = f"… {more} more mounts are not drawn" if more else _mounted(mounts)
    sheet.foot(words, "runtime-spec: config-linux.md#namespaces")
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _namespace(sheet: Sheet, top: float, record: Record) -> None:
    y = top + 18
    sheet.text(MARGIN, y, record["name"], size=13, face="bold")
    sheet.text(MARGIN + 62, y, record["detail"], "soft", size=12, room=HOST_X - MARGIN - 66)
    if record["shared"] == "yes":
        width = CONTAINER_X + PILL_WIDTH - HOST_X
        sheet.rect(HOST_X, top, width, PILL, "faint", radius=PILL / 2)
        words = f"the same for both, {record['host']}"
        sheet.text(HOST_X + width / 2, y, words, "soft", size=12, anchor="middle")
        return
    sheet.rect(HOST_X, top, PILL_WIDTH, PILL, "faint", radius=PILL / 2)
    sheet.text(HOST_X + PILL_WIDTH / 2, y, record["host"], "soft", size=12, anchor="middle")
    sheet.rect(CONTAINER_X, top, PILL_WIDTH, PILL, "own", radius=PILL / 2)
    sheet.rect(CONTAINER_X, top, PILL_WIDTH, PILL, "stroke path", radius=PILL / 2)
    words = f"its own, {record['container']}"
    middle = CONTAINER_X + PILL_WIDTH / 2
    sheet.text(middle, y, words, size=12, face="bold", anchor="middle")


def _mounts(sheet: Sheet, top: float, mounts: list[Record], count: int) -> None:
    sheet.line(MARGIN, top + 6, WIDTH - MARGIN, top + 6, "line")
    heads = (f"{count} mounts", "type", "options", "from")
    for x, words in zip(COLUMNS, heads, strict=True):
        kind, face = ("ink", "bold") if x == MARGIN else ("soft", "sans")
        sheet.text(x, top + 32, words, kind, size=13 if x == MARGIN else 12, face=face)
    y = top + MOUNTS + 10
    for record in mounts:
        target, where, detail = (one_line(record[k]) for k in ("name", "host", "detail"))
        options, _, source = detail.partition("from ")
        sheet.text(COLUMNS[0], y, target, size=12, face="mono", room=COLUMNS[1] - MARGIN - 10)
        sheet.text(COLUMNS[1], y, record["container"], "soft", size=12, room=86)
        kind = "change" if "ro" in options.split() else "soft"
        sheet.text(COLUMNS[2], y, options, kind, size=11.5, room=154)
        place = f"the host's {where}" if record["shared"] == "yes" else source
        face = "accent" if record["shared"] == "yes" else "soft"
        sheet.text(COLUMNS[3], y, place or "", face, size=11.5, room=WIDTH - MARGIN - COLUMNS[3])
        y += LINE


def _mounted(mounts: list[Record]) -> str:
    shared = sum(record["shared"] == "yes" for record in mounts)
    return f"{len(mounts) - shared} mounts are its own, {shared} are the host's too"


def _in_words(title: str, namespaces: list[Record], mounts: list[Record]) -> str:
    own = ", ".join(r["name"] for r in namespaces if r["shared"] == "no")
    shared = ", ".join(r["name"] for r in namespaces if r["shared"] == "yes")
    targets = ", ".join(one_line(r["name"]) for r in mounts)
    return (
        f"{title}: its own namespaces are {own or 'none'}; shared with the host are "
        f"{shared or 'none'}; {_mounted(mounts)}: {targets}."
    )

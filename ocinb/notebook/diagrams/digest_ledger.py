"""The digest ledger: every digest of an image, of what it is, and whether it is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet
from ocinb.table import human_bytes, short_digest

if TYPE_CHECKING:
    from ocinb.table import Table

DOCUMENTS, NAMES, ROW = 92, 64, 40
COLUMNS = {"layer": 76, "diffID": 310, "chainID": 544}
"""Where the three digests of a layer stand."""
MOST = 60
"""Layers that are drawn; of more, the middle is left out."""

_EXPLAINED = {
    "layer": ("digest", "of the blob, compressed", "in the manifest"),
    "diffID": ("diffID", "of the archive inside", "in the config"),
    "chainID": ("chainID", "of it on all below", "written nowhere"),
}

Record = dict[str, Any]
Cells = dict[tuple[str, int | None], Record]


def digest_ledger(table: Table) -> Diagram:
    """Draw the listing of ``insight.ledger.ledger_table``.

    Spec: image-spec descriptor.md#digests, image-spec config.md#layer-chainid
    """
    records = table.records()
    documents = [record for record in records if record["layer"] is None]
    numbers = sorted({record["layer"] for record in records if record["layer"] is not None})
    shown = numbers if len(numbers) <= MOST else [*numbers[: MOST // 2], *numbers[-MOST // 2 :]]
    cells = {(record["kind"], record["layer"]): record for record in records}
    good = sum(record["verified"] == "yes" for record in records)
    alt = _in_words(table.title, records, good)
    rows = len(shown) + (len(shown) < len(numbers))
    height = HEAD + DOCUMENTS + NAMES + ROW * rows + 10 + FOOT
    sheet = Sheet(height, title=table.title, description=alt)
    title = table.title[:1].upper() + table.title[1:]
    sheet.head(title, "each was computed anew from the bytes that it names",
               f"{good} of {len(records)}", "are true")  # fmt: skip
    _documents(sheet, documents, table.title.removeprefix("digests of "))
    top = HEAD + DOCUMENTS
    _names(sheet, top)
    top += NAMES
    for place, number in enumerate(shown):
        if len(shown) < len(numbers) and place == MOST // 2:
            left_out = f"… {len(numbers) - len(shown):,} more layers …"
            sheet.text(COLUMNS["layer"], top + 25, left_out, "soft", size=12)
            top += ROW
        _layer(sheet, top, number, cells, last=place == len(shown) - 1)
        top += ROW
    sheet.foot("✓ computed and written are the same · ✗ they are not",
               "image-spec: config.md#layer-chainid")  # fmt: skip
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _documents(sheet: Sheet, documents: list[Record], name: str) -> None:
    """The name, and the documents that lead to the layers, from left to right."""
    boxes = [None, *documents]
    gap = 34
    width = (WIDTH - 2 * MARGIN - gap * (len(boxes) - 1)) / len(boxes)
    y, height = HEAD + 16, 58
    for number, record in enumerate(boxes):
        x = MARGIN + number * (width + gap)
        if number:
            sheet.line(x - gap + 4, y + height / 2, x - 9, y + height / 2, "edge")
            middle = y + height / 2
            sheet.polygon([(x - 10, middle - 4), (x - 10, middle + 4), (x - 3, middle)], "soft")
        if record is None:
            sheet.rect(x, y, width, height, "own", radius=7)
            sheet.text(x + 12, y + 25, name, size=13, face="bold", room=width - 16)
            sheet.text(x + 12, y + 44, "it can be moved", "soft", size=11.5)
            continue
        sheet.rect(x, y, width, height, "stripe", radius=7)
        sheet.rect(x, y, width, height, "stroke line", radius=7)
        sheet.text(x + 12, y + 22, record["kind"], size=13, face="bold")
        note = "its digest is the image ID" if record["kind"] == "config" else ""
        size = human_bytes(record["bytes"]) if record["bytes"] is not None else ""
        sheet.text(x + width - 10, y + 22, size, "soft", size=11.5, anchor="end")
        _digest(sheet, x + 12, y + 42, record, size=12)
        sheet.text(x, y + height + 15, note, "soft", size=11, room=width)


def _names(sheet: Sheet, top: float) -> None:
    sheet.line(MARGIN, top + 8, WIDTH - MARGIN, top + 8, "line")
    sheet.text(MARGIN, top + 32, "layer", "soft", size=12)
    for kind, x in COLUMNS.items():
        name, of, where = _EXPLAINED[kind]
        sheet.text(x, top + 32, name, "accent", size=13.5, face="bold")
        sheet.text(x + len(name) * 8 + 10, top + 32, of, "soft", size=11.5)
        sheet.text(x, top + 50, where, "soft", size=11.5)


def _layer(sheet: Sheet, top: float, number: int, cells: Cells, *, last: bool) -> None:
    y = top + 25
    sheet.line(MARGIN, top, WIDTH - MARGIN, top, "line", more='opacity=".6"')
    sheet.text(MARGIN + 16, y, str(number), size=13, face="bold", anchor="middle")
    for kind, x in COLUMNS.items():
        record = cells.get((kind, number))
        if record is not None:
            _digest(sheet, x, y, record, size=13)
    sizes = cells["layer", number]["bytes"]
    if sizes is not None:
        x = COLUMNS["layer"] + 132
        sheet.text(x, y, human_bytes(sizes), "soft", size=11)
    _arrow(sheet, COLUMNS["diffID"] - 40, y - 4, "inflate", kind="edge")
    word = "the same" if number == 1 else "hash with"
    _arrow(sheet, COLUMNS["chainID"] - 44, y - 4, word, kind="edge")
    if not last:
        x, below = COLUMNS["chainID"] + 118, y + ROW - 9
        sheet.path(f"M{x} {y - 2}h18V{below}h-11", "stroke edge")
        sheet.polygon([(x + 8, below - 4), (x + 8, below + 4), (x + 1, below)], "soft")


def _arrow(sheet: Sheet, x: float, y: float, word: str, *, kind: str) -> None:
    sheet.line(x, y, x + 26, y, kind)
    sheet.polygon([(x + 26, y - 4), (x + 26, y + 4), (x + 33, y)], "soft")
    sheet.text(x + 14, y - 6, word, "soft", size=10, anchor="middle")


def _digest(sheet: Sheet, x: float, y: float, record: Record, *, size: float) -> None:
    true = record["verified"] == "yes"
    sheet.text(x, y, "✓" if true else "✗", "good" if true else "error", size=size, face="bold")
    sheet.text(x + 17, y, short_digest(record["digest"]), "ink", size=size, face="mono")


def _in_words(title: str, records: list[Record], good: int) -> str:
    bad = [
        f"{record['kind']} {record['layer'] or ''}: {record['verified']}".replace(" :", ":")
        for record in records
        if record["verified"] != "yes"
    ]
    told = [
        f"{record['kind']} {record['layer'] or ''} {short_digest(record['digest'])}".replace(
            "  ", " "
        )
        for record in records
    ]
    wrong = f" Not true: {'; '.join(bad)}." if bad else ""
    return f"{title}: {good} of {len(records)} are true.{wrong} {', '.join(told)}."

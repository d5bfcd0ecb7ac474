"""A network of containers: ports of this machine, the bridge, and who hangs on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet

if TYPE_CHECKING:
    from ocinb.table import Table

NAMES, ROW, GAP = 34, 66, 14
PORT, PILL, PORT_WIDTH = 27, 22, 200
BRIDGE_X, BRIDGE_WIDTH = 330, 16
BOX_X = 480
BOX_WIDTH = WIDTH - MARGIN - BOX_X
MOST = 30
"""Containers that are drawn."""

Record = dict[str, Any]


def network_plan(table: Table) -> Diagram:
    """Draw the listing of ``network inspect``. Spec: none"""
    records = table.records()
    shown = records[:MOST]
    name, _, facts = table.title.partition(": ")
    alt = f"{table.title}; {'; '.join(map(_in_words, records)) or 'no container is in it'}."
    heights = [max(ROW, PORT * len(_ports(record)) + GAP) for record in shown]
    body = sum(heights) + GAP * len(shown) if shown else ROW
    sheet = Sheet(HEAD + NAMES + body + FOOT, title=table.title, description=alt)
    published = sum(len(_ports(record)) for record in records)
    sheet.head(name, facts, str(len(records)),
               f"containers, {published} published ports")  # fmt: skip
    for x, words in ((MARGIN, "this machine"), (BOX_X, "containers")):
        sheet.text(x, HEAD + 23, words, "soft", size=12)
    sheet.text(BRIDGE_X + BRIDGE_WIDTH / 2, HEAD + 23, "bridge", "soft", size=12, anchor="middle")
    top = HEAD + NAMES
    sheet.rect(BRIDGE_X, top, BRIDGE_WIDTH, max(body - GAP, ROW - GAP), "accent", radius=4)
    if not shown:
        sheet.text(BOX_X, top + ROW / 2, "no container is in it", "soft", size=13)
    for record, height in zip(shown, heights, strict=True):
        _member(sheet, top, height, record)
        top += height + GAP
    more = len(records) - len(shown)
    sheet.foot(
        f"… {more} more containers are not drawn" if more else "each link is a pair: one end in "
        "the container",
        "made by hooks of config.json",
    )  # fmt: skip
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _member(sheet: Sheet, top: float, height: float, record: Record) -> None:
    middle = top + height / 2
    sheet.line(BRIDGE_X + BRIDGE_WIDTH, middle, BOX_X, middle, "path", more='stroke-width="2"')
    room = BOX_X - BRIDGE_X - BRIDGE_WIDTH - 12
    x = (BRIDGE_X + BRIDGE_WIDTH + BOX_X) / 2
    sheet.text(x, middle - 7, record["link"] or "", "soft", size=10.5, face="mono",
               anchor="middle", room=room)  # fmt: skip
    sheet.rect(BOX_X, top, BOX_WIDTH, height, "own", radius=8)
    sheet.rect(BOX_X, top, BOX_WIDTH, height, "stroke path", radius=8)
    left, right = BOX_X + 14, BOX_X + BOX_WIDTH - 14
    sheet.text(left, middle - 5, record["container"], size=14, face="bold", room=BOX_WIDTH - 130)
    sheet.text(right, middle - 5, _address(record), size=12.5, face="mono", anchor="end")
    others = [name for name in (record["names"] or "").split() if name != record["container"]]
    also = f"also {', '.join(others)}" if others else ""
    sheet.text(left, middle + 16, also, "soft", size=11.5, room=BOX_WIDTH - 28)
    ports = _ports(record)
    y = middle - PORT * len(ports) / 2
    for port in ports:
        _port(sheet, y + (PORT - PILL) / 2, port)
        y += PORT


def _port(sheet: Sheet, top: float, port: str) -> None:
    """A port of this machine, and to which of the container it leads."""
    host, _, inside = port.partition("->")
    everybody = host.startswith("0.0.0.0:")
    middle = top + PILL / 2
    sheet.rect(MARGIN, top, PORT_WIDTH, PILL, "faint", radius=PILL / 2)
    if everybody:
        sheet.rect(MARGIN, top, PORT_WIDTH, PILL, "stroke hollow", radius=PILL / 2)
    words = f"*:{host.rpartition(':')[2]} everybody" if everybody else host
    sheet.text(MARGIN + PORT_WIDTH / 2, middle + 4, words, size=11.5, face="mono",
               anchor="middle", room=PORT_WIDTH - 16)  # fmt: skip
    sheet.line(MARGIN + PORT_WIDTH, middle, BRIDGE_X, middle, "edge")
    room = BRIDGE_X - MARGIN - PORT_WIDTH - 12
    sheet.text(BRIDGE_X - 6, middle - 4, inside, "soft", size=10.5, anchor="end", room=room)


def _ports(record: Record) -> list[str]:
    return [port for port in (record["ports"] or "").split(", ") if port]


def _in_words(record: Record) -> str:
    ports = f" with {record['ports']}" if record["ports"] else ""
    return f"{record['container']} at {_address(record)}{ports}"


def _address(record: Record) -> str:
    return str(record["ip"] or record["ip6"])

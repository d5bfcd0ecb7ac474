"""The content graph: what a name leads to, descriptor by descriptor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.frozen import Frozen
from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import FOOT, HEAD, MARGIN, WIDTH, Sheet
from ocinb.table import human_bytes, one_line, short_digest

if TYPE_CHECKING:
    from ocinb.table import Table

ROW, BOX, GAP = 52, 42, 36
WIDEST = 224
MOST = 60
"""Descriptors that are drawn; of a larger graph the rest is counted."""


class Node(Frozen):
    """A descriptor with its place on the sheet; see ``insight.graph.GRAPH_COLUMNS``."""

    depth: int
    kind: str
    digest: str
    size: int
    here: bool
    what: str
    again: bool
    row: int
    above: int | None


def content_graph(table: Table) -> Diagram:
    """Draw the listing of ``insight.graph.graph_table``: the name's target at the left.

    Spec: image-spec descriptor.md#properties
    """
    nodes = _nodes(table.records()[:MOST])
    left_out = len(table) - len(nodes)
    rows = max((node.row for node in nodes), default=0) + 1
    alt = _in_words(table.title, nodes, left_out)
    sheet = Sheet(HEAD + 14 + ROW * rows + FOOT, title=table.title, description=alt)
    _rules(sheet)
    title = table.title[:1].upper() + table.title[1:]
    blobs = {node.digest: node.size for node in nodes if node.here}
    sheet.head(title, "each arrow is a descriptor: media type, digest and size of what it names",
               human_bytes(sum(blobs.values())), f"in {len(blobs)} blobs here")  # fmt: skip
    step, width = _steps(nodes)
    for node in nodes:
        if node.above is not None:
            _edge(sheet, nodes[node.above], node, step, width)
    for node in nodes:
        _box(sheet, node, MARGIN + step * node.depth, width)
    missing = sum(not node.here for node in nodes)
    words = f"dashed: not in the store ({missing})" if missing else "all of it is in the store"
    if left_out:
        words = f"… {left_out:,} more are not drawn; {words}"
    sheet.foot(words, "image-spec: descriptor.md")
    return Diagram(sheet.render(), title=table.title, alt=alt, data=table)


def _nodes(records: list[dict[str, Any]]) -> list[Node]:
    """A leaf takes the next row; what has something beneath it stands beside the first of it."""
    nodes: list[Node] = []
    path: list[int] = []
    seen: set[str] = set()
    row = -1
    for number, record in enumerate(records):
        depth = record["depth"]
        del path[depth:]
        follows_parent = bool(path) and path[-1] == number - 1
        row += not follows_parent
        nodes.append(
            Node(
                depth=depth, kind=record["kind"], digest=record["digest"], size=record["size"],
                here=record["here"] == "yes", what=record["what"],
                again=record["digest"] in seen, row=max(row, 0),
                above=path[-1] if path else None,
            )
        )  # fmt: skip
        seen.add(record["digest"])
        path.append(number)
    return nodes


def _steps(nodes: list[Node]) -> tuple[float, float]:
    """Pixels from column to column, and of a box."""
    columns = max((node.depth for node in nodes), default=0) + 1
    width = min((WIDTH - 2 * MARGIN - GAP * (columns - 1)) / columns, WIDEST)
    spare = WIDTH - 2 * MARGIN - width * columns
    return width + (spare / (columns - 1) if columns > 1 else 0), width


def _rules(sheet: Sheet) -> None:
    sheet.rule("index", "fill:#0072b2", "fill:#56b4e9")
    sheet.rule("manifest", "fill:#00805d", "fill:#3fbf95")
    sheet.rule("config", "fill:#9a6700", "fill:#e6b045")
    sheet.rule("layer", "fill:#57606a", "fill:#9aa4af")
    sheet.rule("referrer", "fill:#a0467c", "fill:#e08fc0")


def _edge(sheet: Sheet, above: Node, node: Node, step: float, width: float) -> None:
    x1 = MARGIN + step * above.depth + width
    x2 = MARGIN + step * node.depth
    y1, y2 = _middle(above), _middle(node)
    bend = x2 - GAP / 2
    commands = f"M{x1:.1f} {y1:.1f}H{bend:.1f}V{y2:.1f}H{x2 - 7:.1f}"
    if node.kind == "referrer":
        # The arrow points the other way, on a way of its own: the referrer names its subject.
        y1, bend = y1 + 10, bend - 9
        commands = f"M{x2:.1f} {y2:.1f}H{bend:.1f}V{y1:.1f}H{x1 + 7:.1f}"
        points = [(x1 + 8, y1 - 4), (x1 + 8, y1 + 4), (x1 + 1, y1)]
        sheet.path(commands, "stroke edge", more='stroke-dasharray="4 3"')
        sheet.polygon(points, "referrer")
        return
    sheet.path(commands, "stroke edge")
    sheet.polygon([(x2 - 8, y2 - 4), (x2 - 8, y2 + 4), (x2 - 1, y2)], "soft")


def _middle(node: Node) -> float:
    return HEAD + 14 + ROW * node.row + BOX / 2


def _box(sheet: Sheet, node: Node, x: float, width: float) -> None:
    y = _middle(node) - BOX / 2
    if node.here:
        sheet.rect(x, y, width, BOX, "stripe", radius=6)
        sheet.rect(x, y, width, BOX, "stroke line", radius=6)
    else:
        sheet.rect(x, y, width, BOX, "stroke edge", radius=6, more='stroke-dasharray="5 3"')
    sheet.rect(x, y, 5, BOX, node.kind, radius=2.5)
    name = node.what if node.kind == "layer" and node.what else node.kind
    more = "" if name == node.what else node.what
    sheet.text(x + 14, y + 17, name, node.kind, size=12.5, face="bold")
    used = 14 + len(name) * 12.5 * 0.6 + 8
    if more and width - used > 40:
        sheet.text(x + width - 9, y + 17, one_line(more), "soft", size=11.5, anchor="end",
                   room=width - used - 6)  # fmt: skip
    digest = short_digest(node.digest)
    sheet.text(x + 14, y + 34, digest, "ink" if node.here else "soft", size=11.5, face="mono",
               room=width - 20)  # fmt: skip
    if width > 165:
        note = "as above" if node.again else human_bytes(node.size)
        sheet.text(x + width - 9, y + 34, note, "soft", size=11.5, anchor="end")


def _in_words(title: str, nodes: list[Node], left_out: int) -> str:
    parts = [
        f"{'– ' * node.depth}{node.kind} {node.what} {short_digest(node.digest)}".replace("  ", " ")
        + ("" if node.here else " (not in the store)")
        for node in nodes
    ]
    more = f"; and {left_out:,} more" if left_out else ""
    return f"{title}: {'; '.join(parts)}{more}."

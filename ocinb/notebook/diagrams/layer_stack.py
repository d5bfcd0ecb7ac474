"""The layer stack of an image: the base at the foot, each layer with what it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.frozen import Frozen
from ocinb.notebook.diagrams.diagram import Diagram
from ocinb.notebook.diagrams.svg import WIDTH, Sheet, text_width
from ocinb.spec import media_types
from ocinb.table import human_bytes, one_line, short_digest

if TYPE_CHECKING:
    from ocinb.table import Table

HEAD, ROW, FOOT = 66, 88, 48
MARGIN = 24
PLATE_X, PLATE_HALF, PLATE_RISE = 108, 60, 19
TEXT_X, TEXT_ROOM = 200, 416
BAR_X, BAR_WIDTH = 636, 140
THINNEST, THICKEST = 4, 20
MOST, GAP = 40, 44
"""Layers that are drawn; of more the middle is left out, with so many pixels in its place."""

_DOCKER_NOTES = ("/bin/sh -c #(nop) ", "/bin/sh -c #(nop)", "/bin/sh -c ")


class Layer(Frozen):
    """What the picture needs to know of a layer; see the columns of ``Image.layers``."""

    layer: int
    created_by: str
    digest: str
    size: int
    media_type: str
    unpacked: int | None
    added: int | None
    changed: int | None
    deleted: int | None
    whiteouts: str
    also_in: str


def layer_stack(table: Table) -> Diagram:
    """Draw the listing of ``layers``; its rows are bottom to top, the picture has the top first.

    Spec: image-spec layer.md#change-types
    """
    layers = [_layer(record) for record in table.records()]
    title = table.title or "layers"
    alt = _in_words(title, layers)
    shown = layers if len(layers) <= MOST else [*layers[: MOST // 2], *layers[-MOST // 2 :]]
    gap = GAP if len(shown) < len(layers) else 0
    bottom = HEAD + ROW * len(shown) + gap
    sheet = Sheet(bottom + FOOT, title=title, description=alt)
    _rules(sheet)
    _head(sheet, title, layers)
    largest = max((layer.unpacked or layer.size for layer in layers), default=0) or 1
    for row, layer in enumerate(reversed(shown)):
        top = HEAD + row * ROW + (gap if row >= MOST // 2 else 0)
        if row:
            sheet.line(MARGIN, top, WIDTH - MARGIN, top, "line", more='opacity=".5"')
        if gap and row == MOST // 2:
            left_out = f"… {len(layers) - len(shown):,} more layers …"
            sheet.text(TEXT_X, top - GAP / 2 + 5, left_out, "soft", size=13)
        # Drawn top to bottom, each plate's dashed edges fall behind the plate beneath it.
        _plate(sheet, top + ROW / 2, layer, largest, last=row == len(shown) - 1)
        _words(sheet, top, layer)
        _sizes(sheet, top, layer, largest)
    _foot(sheet, layers, bottom)
    return Diagram(sheet.render(), title=title, alt=alt, data=table)


def _layer(record: dict[str, Any]) -> Layer:
    values: Any = {name: record.get(name) for name in Layer._fields}
    return Layer(**values)


def _rules(sheet: Sheet) -> None:
    sheet.rule("top", "fill:#9ecbff", "fill:#3b78c4")
    sheet.rule("left", "fill:#5a9be6", "fill:#244f86")
    sheet.rule("right", "fill:#3d7fd0", "fill:#1c4070")
    sheet.rule("hole", "fill:#ffffff;stroke:#bc4b00", "fill:#161b22;stroke:#f0883e")
    sheet.rule("number", "fill:#0b2a52", "fill:#ffffff")


def _head(sheet: Sheet, title: str, layers: list[Layer]) -> None:
    sheet.text(MARGIN, 32, title, size=17, face="bold", room=540)
    sheet.text(
        MARGIN,
        52,
        "stacked from the foot up: where two layers have a path, the upper one is seen",
        "soft",
        size=12,
    )
    compressed = sum(layer.size for layer in layers)
    sheet.text(WIDTH - MARGIN, 32, human_bytes(compressed), size=17, face="bold", anchor="end")
    sheet.text(WIDTH - MARGIN, 52, "to download", "soft", size=12, anchor="end")
    sheet.line(MARGIN, HEAD, WIDTH - MARGIN, HEAD, "line")


def _plate(sheet: Sheet, middle: float, layer: Layer, largest: int, *, last: bool) -> None:
    x, half, rise = PLATE_X, PLATE_HALF, PLATE_RISE
    share = ((layer.unpacked or layer.size) / largest) ** 0.5
    thick = THINNEST + (THICKEST - THINNEST) * share
    y = middle - thick / 2
    if not last:
        for side in (-half, half):
            sheet.line(
                x + side, y + thick, x + side, y + ROW, "line", more='stroke-dasharray="2 4"'
            )
    west, east, south = (x - half, y), (x + half, y), (x, y + rise)
    sheet.polygon([west, south, (x, y + rise + thick), (x - half, y + thick)], "left")
    sheet.polygon([east, south, (x, y + rise + thick), (x + half, y + thick)], "right")
    sheet.polygon([west, (x, y - rise), east, south], "top")
    for hole in range(min(layer.deleted or 0, 2)):
        _hole(sheet, x + (-32 if hole == 0 else 32), y)
    sheet.text(x, y + 5, str(layer.layer), "number", size=14, face="bold", anchor="middle")


def _hole(sheet: Sheet, x: float, y: float) -> None:
    """A gap in the plate: here something of a lower layer is hidden."""
    sheet.polygon(
        [(x - 11, y), (x, y - 3.5), (x + 11, y), (x, y + 3.5)],
        "hole",
        more='stroke-width="1.3" stroke-dasharray="3 1.5"',
    )


def _words(sheet: Sheet, top: float, layer: Layer) -> None:
    sheet.text(TEXT_X, top + 29, made_by(layer.created_by), size=13, face="bold", room=TEXT_ROOM)
    digest = short_digest(layer.digest)
    sheet.text(TEXT_X, top + 49, digest, "soft", size=12, face="mono")
    after = TEXT_X + text_width(digest, 12, "mono") + 10
    packing = _packing(layer.media_type)
    sheet.text(after, top + 49, packing, "soft", size=12)
    after += text_width(packing, 12) + 12
    if layer.whiteouts:
        hides = f"hides {one_line(layer.whiteouts)}"
        sheet.text(after, top + 49, hides, "soft", size=12, room=TEXT_X + TEXT_ROOM - after)
    x: float = TEXT_X
    for sign, kind, count, word in _changes(layer):
        text = f"{sign} {count:,} {word}"
        sheet.text(x, top + 70, text, kind, size=12.5, face="bold")
        x += text_width(text, 13.5, "bold") + 12
    if layer.also_in:
        others = f"shared with {one_line(layer.also_in)}"
        sheet.text(x, top + 70, others, "soft", size=12, room=TEXT_X + TEXT_ROOM - x)


def _sizes(sheet: Sheet, top: float, layer: Layer, largest: int) -> None:
    size = layer.unpacked if layer.unpacked is not None else layer.size
    right = BAR_X + BAR_WIDTH
    sheet.text(right, top + 29, human_bytes(size), size=13.5, face="bold", anchor="end")
    word = "unpacked" if layer.unpacked is not None else "compressed"
    sheet.text(BAR_X, top + 29, word, "soft", size=12)
    sheet.rect(BAR_X, top + 39, BAR_WIDTH, 7, "faint", radius=3.5)
    sheet.rect(BAR_X, top + 39, max(BAR_WIDTH * size / largest, 3), 7, "accent", radius=3.5)
    if layer.unpacked is not None:
        sheet.text(BAR_X, top + 66, "to download", "soft", size=12)
        sheet.text(right, top + 66, human_bytes(layer.size), "soft", size=12, anchor="end")


def _foot(sheet: Sheet, layers: list[Layer], y: float) -> None:
    sheet.line(MARGIN, y, WIDTH - MARGIN, y, "line")
    x: float = MARGIN
    legend = (
        ("+", "add", "added"),
        ("~", "change", "replaces a lower one"),
        ("−", "delete", "hides a lower one (whiteout)"),
    )
    for sign, kind, words in legend:
        sheet.text(x, y + 29, sign, kind, size=14, face="bold")
        sheet.text(x + 15, y + 29, words, "soft", size=12)
        x += 15 + text_width(words, 12) + 22
    unpacked = [layer.unpacked for layer in layers if layer.unpacked is not None]
    if layers and len(unpacked) == len(layers):
        text = f"{human_bytes(sum(unpacked))} unpacked"
        sheet.text(WIDTH - MARGIN, y + 29, text, "soft", size=12, anchor="end")


def made_by(text: str | None) -> str:
    """A history line for people, without the shell that Docker's builders write before it."""
    line = one_line(text or "").strip()
    for note in _DOCKER_NOTES:
        if line.startswith(note):
            return line.removeprefix(note).strip()
    return line or "(the image does not say what made it)"


def _packing(media_type: str | None) -> str:
    kind = media_types.COMPRESSION.get(media_type or "")
    return {"none": "tar, not compressed", None: media_type or ""}.get(kind, f"tar, {kind}")


def _changes(layer: Layer) -> list[tuple[str, str, int, str]]:
    rows = (
        ("+", "add", layer.added, "added"),
        ("~", "change", layer.changed, "changed"),
        ("−", "delete", layer.deleted, "deleted"),
    )
    return [(sign, kind, count, word) for sign, kind, count, word in rows if count]


def _in_words(title: str, layers: list[Layer]) -> str:
    parts = []
    for layer in layers:
        changes = ", ".join(f"{count} {word}" for _, _, count, word in _changes(layer))
        parts.append(
            f"{layer.layer}: {made_by(layer.created_by)}, {human_bytes(layer.size)}"
            + (f" ({changes})" if changes else "")
        )
    return f"{title}, {len(layers)} layers from the foot up. {'; '.join(parts)}."

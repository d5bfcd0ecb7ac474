"""An image as it is leafed through: directories when they are opened, files when they are chosen.

Nothing here knows of widgets. What comes out is plain JSON.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ocinb.errors import LayerError, OcinbError
from ocinb.insight.contents import mode_text, shown_path
from ocinb.insight.files import totals
from ocinb.insight.patterns import clean
from ocinb.layer.index import KIND_OF
from ocinb.layer.stack import Place
from ocinb.table import one_line, rfc3339

if TYPE_CHECKING:
    from ocinb.image import Image
    from ocinb.insight.contents import Contents

PAGE = 500
"""Entries of a directory that are told at once."""
TEXT_SHOWN = 64 * 1024
"""Bytes of a text that are shown."""
HEX_SHOWN = 4096
"""Bytes of anything else, or of what is wanted as hex, that are shown."""
ALL = 0
"""In the place of a layer's number: the stack, as a container sees it."""


class Browser:
    """The files of one image.

    Args:
        image: looked into once, when the first question comes.
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        self._trees: dict[int, dict[str, list[str]]] = {}
        self._orders: dict[tuple[str, int], list[str]] = {}
        self._not_text: dict[str, str] = {}  # shown path → path, where they differ

    @cached_property
    def _contents(self) -> Contents:
        return self._image.contents()

    @cached_property
    def _totals(self) -> dict[str, tuple[int, int]]:
        return totals(self._contents, "")

    def close(self) -> None:
        """Give back the open directories."""
        self._contents.__exit__(None, None, None)

    def entries(self, path: str, layer: int, offset: int = 0) -> dict[str, Any]:
        """What lies in a directory.

        Args:
            path: with ``/`` before and none behind; ``/`` itself for the root.
            layer: its number, the base being 1; ``ALL``.
            offset: entries that are known already.

        Returns:
            ``count`` of all, and ``rows`` of at most ``PAGE``: name, path, kind, size, layer,
            sign, whether there is something in it. Directories come first. ``sign`` is ``+ ~ −``
            for what the layer does, ``×`` where an upper layer hides it.

        Raises:
            LayerError: there is no such layer.
        """
        order = self._order(self._real(path), layer)
        shown = order[offset : offset + PAGE] if offset >= 0 else []
        make = self._of_stack if layer == ALL else self._of_layer
        return {"count": len(order), "rows": [make(child, layer) for child in shown]}

    def _order(self, here: str, layer: int) -> list[str]:
        """The paths in a directory, directories first; sorted once, for pages are asked for."""
        known = self._orders.get((here, layer))
        if known is not None:
            return known
        if layer == ALL:
            stack = self._contents.stack
            paths = [f"{here}/{name}" if here else name for name in stack.children(here)]
            paths.sort(key=lambda path: stack.kind(stack.shown[path]) != "d")
        else:
            index = self._contents.layer(layer)
            paths = sorted(self._tree(layer).get(here, ()))
            paths.sort(key=lambda path: index.kinds[index.numbers[path]] != "d")
        self._orders[here, layer] = paths
        return paths

    def _of_stack(self, path: str, _layer: int) -> list[Any]:
        stack = self._contents.stack
        place = stack.shown[path]
        kind = KIND_OF[stack.kind(place)]
        size, _ = self._totals[path]
        holds = kind == "directory" and bool(stack.children(path))
        return [_name(path), self._shown(path), kind, size, place.layer + 1, "", holds]

    def _of_layer(self, path: str, layer: int) -> list[Any]:
        index = self._contents.layer(layer)
        number = index.numbers[path]
        kind = KIND_OF[index.kinds[number]]
        size = index.sizes[number] if kind == "file" else 0
        sign = self._sign(Place(layer - 1, number), path, kind)
        holds = bool(self._tree(layer).get(path))
        return [_name(path), self._shown(path), kind, size, layer, sign, holds]

    def _shown(self, path: str) -> str:
        shown = shown_path(path)
        if shown[1:] != path:
            self._not_text[shown] = path
        return shown

    def _real(self, path: str) -> str:
        return self._not_text.get(path) or clean(path)

    def _sign(self, place: Place, path: str, kind: str) -> str:
        if kind == "whiteout":
            return "−"
        stack = self._contents.stack
        if any(loss.place == place for loss in stack.lost.get(path, ())):
            return "×"
        below = [p for p in stack.mentions.get(path, ()) if p.layer < place.layer]
        if not below or stack.kind(below[-1]) == "w":
            return "+"
        gone = any(
            loss.place == below[-1] and loss.layer < place.layer
            for loss in stack.lost.get(path, ())
        )
        if gone:
            return "+"
        same = kind == "directory" and stack.kind(below[-1]) == "d"
        return "" if same else "~"

    def _tree(self, layer: int) -> dict[str, list[str]]:
        if layer not in self._trees:
            tree: dict[str, list[str]] = {}
            for path in self._contents.layer(layer).paths:
                if path:
                    tree.setdefault(path.rpartition("/")[0], []).append(path)
            self._trees[layer] = tree
        return self._trees[layer]

    def content(self, path: str, layer: int, *, as_hex: bool) -> dict[str, Any]:
        """What is known of a path, and the beginning of its content.

        Returns:
            ``path``, ``at`` (its number in its directory; -1: none), ``facts`` as pairs,
            ``layers`` (each layer that mentions it: number, sign, what it does), ``form``
            (``text``, ``hex`` or empty), ``text``, ``cut`` (bytes left out), ``problem``.
        """
        said: dict[str, Any] = {
            "path": path, "at": -1, "facts": [], "layers": [], "form": "", "text": "", "cut": 0,
            "problem": "",
        }  # fmt: skip
        real = self._real(path)
        try:
            said["at"] = self._at(real, layer)
            place = self._place(real, layer)
            said["facts"] = self._facts(place)
            said["layers"] = self._layers(real)
            if self._contents.stack.kind(self._contents.stack.inode(place)) == "f":
                said.update(self._beginning(place, as_hex=as_hex))
        except OcinbError as error:
            said["problem"] = one_line(error.message)
        return said

    def _at(self, path: str, layer: int) -> int:
        order = self._order(path.rpartition("/")[0], layer)
        return order.index(path) if path in order else -1

    def _place(self, path: str, layer: int) -> Place:
        if layer == ALL:
            place = self._contents.stack.shown.get(path)
            if place is None:
                place = self._contents.stack.shown[self._contents.stack.resolve(path)]
            return place
        number = self._contents.layer(layer).numbers.get(path)
        if number is None:
            raise LayerError(f"layer {layer} has no /{path}")
        return Place(layer - 1, number)

    def _facts(self, place: Place) -> list[list[str]]:
        stack = self._contents.stack
        row = stack.row(place)
        real = KIND_OF[stack.kind(stack.inode(place))] if row.kind == "hardlink" else row.kind
        facts = [["kind", "opaque directory" if row.opaque else row.kind.replace("_", " ")]]
        if row.kind != "whiteout":
            facts += [["mode", mode_text(row, real)], ["owner", f"{row.uid}:{row.gid}"]]
        if real == "file":
            size = stack.layers[place.layer].sizes[stack.inode(place).row]
            facts.append(["size", f"{size:,} byte{'' if size == 1 else 's'}"])
        if row.target:
            facts.append(["target", shown_path(row.target)[0 if row.kind == "hardlink" else 1 :]])
        if row.kind != "whiteout":
            facts.append(["modified", (rfc3339(row.mtime / 1e9) or "")[:19].replace("T", " ")])
        return [[name, one_line(value)] for name, value in facts]

    def _layers(self, path: str) -> list[list[Any]]:
        """Each layer that mentions the path, base first, and what becomes of it there."""
        stack = self._contents.stack
        rows: list[list[Any]] = []
        for place in stack.mentions.get(path, ()):
            row = stack.row(place)
            if row.implied:
                continue
            sign = self._sign(place, path, row.kind)
            word = {"−": "deletes it", "+": "adds it", "~": "replaces it", "×": "has it"}.get(
                sign, "has it, too"
            )
            rows.append([place.layer + 1, sign, word])
        for loss in stack.lost.get(path, ()):
            for known in rows:
                if known[0] == loss.place.layer + 1 and known[1] == "×":
                    known[2] = f"has it; {loss.how} by layer {loss.layer + 1}"
        return rows

    def _beginning(self, place: Place, *, as_hex: bool) -> dict[str, Any]:
        with self._contents.open(place) as file:
            data = file.read(TEXT_SHOWN)
            size = self._contents.stack.row(self._contents.stack.inode(place)).size
        text = None if as_hex else as_text(data, whole=len(data) == size)
        if text is not None:
            return {"form": "text", "text": text, "cut": max(size - len(data), 0)}
        return {
            "form": "hex", "text": dump(data[:HEX_SHOWN]), "cut": max(size - HEX_SHOWN, 0)
        }  # fmt: skip

    def parents(self, path: str) -> list[str]:
        """The directories above a path, outermost first, as ``entries`` takes them."""
        parts = clean(path).split("/")
        return ["/" + "/".join(parts[:n]) for n in range(1, len(parts))]


def as_text(data: bytes, *, whole: bool) -> str | None:
    """The bytes as text, or None where they are none.

    Args:
        whole: nothing was cut off, so that the last character must be complete.
    """
    if b"\0" in data:
        return None
    for short in range(1 if whole else 4):
        try:
            text = data[: len(data) - short].decode()
        except UnicodeDecodeError:
            continue
        controls = sum(ch < " " and ch not in "\t\n\r\x1b\f" for ch in text)
        if controls > len(text) // 100:
            return None
        # A control character is shown as its picture: it must not move what stands around it.
        return "".join(chr(0x2400 + ord(c)) if c < " " and c not in "\t\n" else c for c in text)
    return None


def dump(data: bytes) -> str:
    """Bytes as sixteen a line: where, in hexadecimal, as characters."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        left, right = part[:8].hex(" "), part[8:].hex(" ")
        shown = "".join(chr(b) if 32 <= b < 127 else "·" for b in part)
        lines.append(f"{start:08x}  {left:<23}  {right:<23}  {shown}")
    return "\n".join(lines)


def _name(path: str) -> str:
    return one_line(shown_path(path).rpartition("/")[2])

"""The image explorer: layers, files, content and waste of an image, linked to one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traitlets import Bool, Dict, Int, List, TraitError, Unicode, observe, validate

from ocinb.insight.patterns import clean
from ocinb.notebook.diagrams.layer_stack import layer_stack, made_by
from ocinb.notebook.widgets.base import PictureWidget
from ocinb.notebook.widgets.browsing import ALL, Browser
from ocinb.table import human_bytes, one_line, short_digest

if TYPE_CHECKING:
    from ocinb.image import Image
    from ocinb.notebook.diagrams.diagram import Diagram

WASTE_SHOWN = 300
"""Files of the list of waste; it is sorted, the largest first."""


class ImageExplorer(PictureWidget):
    """Leaf through an image; what is chosen there is known here, and the other way round.

    Args:
        image: in the store.

    Attributes:
        selected_layer: number of a layer, the base being 1; 0: all of them, as a container sees
            them.
        selected_path: the file or directory, as ``/etc/passwd``; empty: none.
        expanded: directories that are open, as ``/etc``.
        show_waste: the list of wasted files in the place of the tree.
        as_hex: content as bytes, also where it is text.
    """

    name = "explorer"

    selected_layer = Int(ALL).tag(sync=True)
    selected_path = Unicode("").tag(sync=True)
    expanded = List(Unicode()).tag(sync=True)
    show_waste = Bool(False).tag(sync=True)
    as_hex = Bool(False).tag(sync=True)

    title = Unicode("").tag(sync=True)
    note = Unicode("").tag(sync=True)
    layers = List(Dict()).tag(sync=True)
    waste = Dict().tag(sync=True)
    content = Dict().tag(sync=True)
    top = Dict().tag(sync=True)

    def __init__(self, image: Image) -> None:
        self._image = image
        self._table = image.layer_table()
        self._browser = Browser(image)
        layers = [_layer(record) for record in self._table.records()]
        super().__init__(
            title=image.name,
            note=f"{len(layers)} layers, {human_bytes(image.size)} to download",
            layers=layers,
            waste=self._waste(),
            top=self._browser.entries("/", ALL),
        )

    def picture(self) -> Diagram:
        """The layer stack."""
        return layer_stack(self._table)

    def close(self) -> None:
        """See ``Widget.close``."""
        super().close()
        self._browser.close()

    def ask_entries(self, path: str, layer: int, offset: int = 0) -> dict[str, Any]:
        """A directory, for the page; see ``Browser.entries``."""
        return self._browser.entries(str(path), int(layer), int(offset))

    def _waste(self) -> dict[str, Any]:
        """What the list of waste shows: count, bytes, rows."""
        records = list(self._image.waste_table().records())
        rows = [
            [
                one_line(r["path"]), r["size"], r["layer"], r["hidden_by"], r["how"],
                one_line(r["secret"]),
            ]
            for r in records[:WASTE_SHOWN]
        ]  # fmt: skip
        return {"count": len(records), "size": sum(r["size"] for r in records), "rows": rows}

    @validate("selected_layer")
    def _is_layer(self, proposal: Any) -> int:
        number = int(proposal["value"])
        if not ALL <= number <= len(self.layers):
            raise TraitError(f"there is no layer {number}: they are 1 to {len(self.layers)}")
        return number

    @validate("selected_path")
    def _is_path(self, proposal: Any) -> str:
        path = str(proposal["value"])
        return path if not path or path.startswith("/") else f"/{clean(path)}"

    @observe("selected_path", "selected_layer", "as_hex")
    def _look(self, _change: Any) -> None:
        path, layer = self.selected_path, self.selected_layer
        if not path or self.closed:
            self.content = {}
            return
        above = self._browser.parents(path)
        if any(directory not in self.expanded for directory in above):
            self.expanded = [*self.expanded, *(d for d in above if d not in self.expanded)]
        self.content = self._browser.content(path, layer, as_hex=self.as_hex)


def _layer(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": record["layer"],
        "made_by": one_line(made_by(record["created_by"])),
        "digest": record["digest"],
        "short": short_digest(record["digest"]),
        "size": record["size"],
        "unpacked": record["unpacked"] if record.get("unpacked") is not None else record["size"],
        "added": record["added"],
        "changed": record["changed"],
        "deleted": record["deleted"],
    }

"""A finished diagram and the forms in which viewers take it."""

from __future__ import annotations

import base64
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.errors import CommandError
from ocinb.notebook.diagrams import raster
from ocinb.notebook.tables import data_table, table_text
from ocinb.table import one_line

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.table import Table

PNG_ZOOM = 1.5
"""Of a file: sharp enough to be printed."""


class Diagram:
    """An SVG with its alternative text and the data that it shows.

    Attributes:
        svg: the document.
        title: a short caption.
        alt: what it shows, in words.
        data: the rows that it was drawn from.
        kind: as in ``draw.KINDS``, by which those rows are drawn.
    """

    kind = ""

    def __init__(self, svg: str, *, title: str, alt: str, data: Table) -> None:
        self.svg = svg
        self.title = one_line(title)
        self.alt = one_line(alt)
        self.data = data

    @property
    def html(self) -> str:
        """A ``figure`` whose ``img`` holds the SVG as a data URI.

        Sanitizers of JupyterLab and GitHub let an ``img`` through where they drop inline SVG.
        The data follows as a table that can be opened.
        """
        return self._figure(self._img(self._svg_uri))

    @property
    def html_with_png(self) -> str:
        """As ``html``, but a viewer that shows no SVG, not even as an image, has a PNG instead.

        Raises:
            UnsupportedHost: a package for it is not installed.
        """
        return self._figure(
            f'<picture><source type="image/svg+xml" srcset="{self._svg_uri}">'
            f"{self._img('data:image/png;base64,' + self._png_text)}</picture>"
        )

    @property
    def frame(self) -> pd.DataFrame:
        """The data, to work on."""
        return self.data.to_frame()

    def png(self, zoom: float = PNG_ZOOM) -> bytes:
        """The picture for viewers that draw no SVG, on light ground.

        Args:
            zoom: 1 is 800 pixels wide.

        Raises:
            UnsupportedHost: a package for it is not installed.
        """
        return raster.png(self.svg, zoom)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file, as PNG where its name ends so, else as SVG; its path.

        Raises:
            CommandError: the name ends as that of another kind of picture.
        """
        target = Path(path)
        if target.suffix.lower() not in ("", ".svg", ".png"):
            raise CommandError(
                f"{target.name}: a diagram is no {target.suffix}", hint="write it as .svg or .png"
            )
        data = self.png() if target.suffix.lower() == ".png" else self.svg.encode()
        target.write_bytes(data)
        return target

    def bundle(self, *, png: bool) -> dict[str, str]:
        """All forms, by their media types.

        Args:
            png: a small one too, for viewers that show no SVG.

        Raises:
            UnsupportedHost: a PNG is wished for, and a package for it is not installed.
        """
        forms = {
            "text/plain": table_text(self.data, title=self.title),
            "text/html": self.html_with_png if png else self.html,
            "image/svg+xml": self.svg,
        }
        if png:
            forms["image/png"] = self._png_text
        return forms

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.bundle(png=raster.available())

    @property
    def _svg_uri(self) -> str:
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"

    @cached_property
    def _png_text(self) -> str:
        return base64.b64encode(raster.small_png(self.svg)).decode()

    def _img(self, source: str) -> str:
        alt = escape(self.alt, quote=True)
        return f'<img alt="{alt}" width="800" style="max-width:100%" src="{source}">'

    def _figure(self, image: str) -> str:
        return (
            f'<figure style="margin:0;max-width:800px">{image}'
            f"<figcaption><details><summary>{escape(self.title)}: the data</summary>"
            f"{data_table(self.data.kinds, self.data.rows)}</details></figcaption></figure>"
        )

    def __repr__(self) -> str:
        return f"<Diagram: {self.alt}>"

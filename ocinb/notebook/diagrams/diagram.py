"""A finished diagram and the forms in which viewers take it."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.errors import UnsupportedHost
from ocinb.notebook.tables import html_table
from ocinb.table import one_line

if TYPE_CHECKING:
    import pandas as pd

    from ocinb.table import Table

PNG_ZOOM = 1.5
"""Sharp enough to be printed."""


class Diagram:
    """An SVG with its alternative text and the data that it shows.

    Attributes:
        svg: the document.
        title: a short caption.
        alt: what it shows, in words.
        data: the rows that it was drawn from.
    """

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
        source = base64.b64encode(self.svg.encode()).decode()
        return (
            '<figure style="margin:0;max-width:800px">'
            f'<img alt="{escape(self.alt, quote=True)}" width="800" style="max-width:100%" '
            f'src="data:image/svg+xml;base64,{source}">'
            f"<figcaption><details><summary>{escape(self.title)}: the data</summary>"
            f"{html_table(self.data.kinds, self.data.rows)}</details></figcaption></figure>"
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
            UnsupportedHost: resvg-py is not installed.
        """
        try:
            from resvg_py import svg_to_bytes
        except ImportError as error:
            raise UnsupportedHost(
                "a diagram cannot be made a PNG", hint="pip install resvg-py; or save it as .svg"
            ) from error
        return bytes(svg_to_bytes(svg_string=self.svg, zoom=zoom))

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file, as PNG where its name ends so, else as SVG; its path."""
        target = Path(path)
        data = self.png() if target.suffix.lower() == ".png" else self.svg.encode()
        target.write_bytes(data)
        return target

    def bundle(self, *, png: bool) -> dict[str, str]:
        """All forms, by their media types.

        Args:
            png: that too.

        Raises:
            UnsupportedHost: a PNG is wished for, and resvg-py is not installed.
        """
        forms = {
            "text/plain": f"{self.title}\n{self.data!r}",
            "text/html": self.html,
            "image/svg+xml": self.svg,
        }
        if png:
            forms["image/png"] = base64.b64encode(self.png()).decode()
        return forms

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self.bundle(png=False)

    def __repr__(self) -> str:
        return f"<Diagram: {self.alt}>"

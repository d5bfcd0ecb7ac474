"""A finished diagram and the forms in which viewers take it."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.notebook.tables import html_table

if TYPE_CHECKING:
    from ocinb.table import Table


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
        self.title = title
        self.alt = alt
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

    def save(self, path: str | Path) -> Path:
        """Write the SVG to a file; its path."""
        target = Path(path)
        target.write_text(self.svg, encoding="utf-8")
        return target

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "text/plain": f"{self.title}\n{self.data!r}",
            "text/html": self.html,
            "image/svg+xml": self.svg,
        }

    def __repr__(self) -> str:
        return f"<Diagram: {self.alt}>"

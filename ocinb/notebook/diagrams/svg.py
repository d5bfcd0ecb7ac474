"""A sheet of SVG: shapes, texts, and colours that suit a light and a dark page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ocinb.table import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH = 800
"""Pixels of every diagram; viewers scale it down, never up."""

HEAD, FOOT, MARGIN = 66, 44, 24
"""Pixels of the head and the foot that a sheet may have, and at its sides."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"

GLYPH = {"sans": 0.56, "bold": 0.62, "mono": 0.605}
"""Mean width of a character in ems, on the safe side, for cutting text that does not fit."""

# Class → (property, on a light page, on a dark page). The sheet has its own ground, so it reads
# well too where a viewer's theme and the system's preference differ. The hues of add, change and
# delete are Okabe and Ito's, apart for every common kind of colour-blindness; a sign stands by
# each, so that none is told by colour alone.
PALETTE: Mapping[str, tuple[str, str, str]] = {
    "sheet": ("fill", "#ffffff", "#161b22"),
    "frame": ("stroke", "#d0d7de", "#30363d"),
    "ink": ("fill", "#1f2328", "#e6edf3"),
    "soft": ("fill", "#57606a", "#9aa4af"),
    "faint": ("fill", "#eaeef2", "#262c34"),
    "stripe": ("fill", "#f6f8fa", "#1c222a"),
    "line": ("stroke", "#c4ccd4", "#3d444d"),
    "accent": ("fill", "#0550ae", "#58a6ff"),
    "add": ("fill", "#0072b2", "#56b4e9"),
    "change": ("fill", "#9a6700", "#e6b045"),
    "delete": ("fill", "#bc4b00", "#f0883e"),
    "hollow": ("stroke", "#bc4b00", "#f0883e"),
    "good": ("fill", "#00704f", "#3fbf95"),
    "own": ("fill", "#dbeafb", "#1d3a5c"),
    "edge": ("stroke", "#8c959f", "#6e7681"),
    "path": ("stroke", "#0969da", "#58a6ff"),
    "error": ("fill", "#cf222e", "#ff7b72"),
}


class Sheet:
    """An SVG document that grows as shapes are added; the same calls give the same bytes."""

    def __init__(self, height: float, *, title: str, description: str) -> None:
        self.height = height
        self._title = one_line(title)
        self._description = one_line(description)
        self._rules: list[str] = []
        self._dark: list[str] = []
        self._body: list[str] = []
        for name, (what, light, dark) in PALETTE.items():
            self.rule(name, f"{what}:{light}", f"{what}:{dark}")
        self.rect(0.5, 0.5, WIDTH - 1, height - 1, "sheet frame", radius=10)

    def rule(self, name: str, light: str, dark: str = "") -> None:
        """A class of this sheet: declarations for a light page, and those that differ on a dark."""
        self._rules.append(f".{name}{{{light}}}")
        if dark:
            self._dark.append(f".{name}{{{dark}}}")

    def head(self, title: str, note: str, value: str = "", value_note: str = "") -> None:
        """The title with a note under it, and at the right what it comes to."""
        right = WIDTH - MARGIN
        room = right - MARGIN - 20
        self.text(
            MARGIN, 32, title, size=17, face="bold", room=room - text_width(value, 17, "bold")
        )
        self.text(MARGIN, 52, note, "soft", size=12, room=room - text_width(value_note, 12))
        self.text(right, 32, value, size=17, face="bold", anchor="end")
        self.text(right, 52, value_note, "soft", size=12, anchor="end")
        self.line(MARGIN, HEAD, right, HEAD, "line")

    def foot(self, words: str, citation: str = "") -> None:
        """A line at the lower edge, and the section of the specification."""
        top = self.height - FOOT
        self.line(MARGIN, top, WIDTH - MARGIN, top, "line")
        self.text(MARGIN, top + 27, words, "soft", size=12, room=430)
        self.text(WIDTH - MARGIN, top + 27, citation, "soft", size=12, anchor="end")

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        kind: str,
        *,
        radius: float = 0,
        more: str = "",
    ) -> None:
        """A rectangle of the class ``kind``; ``more`` is further attributes."""
        corner = f' rx="{_n(radius)}"' if radius else ""
        self._body.append(
            f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" '
            f'width="{_n(width)}" height="{_n(height)}"{corner}{" " if more else ""}{more}/>'
        )

    def path(self, commands: str, kind: str, *, more: str = "") -> None:
        """A path; ``more`` is further attributes."""
        self._body.append(f'<path class="{kind}" d="{commands}"{" " if more else ""}{more}/>')

    def line(
        self, x1: float, y1: float, x2: float, y2: float, kind: str, *, more: str = ""
    ) -> None:
        """A straight line."""
        self.path(f"M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}", f"stroke {kind}", more=more)

    def polygon(self, points: list[tuple[float, float]], kind: str, *, more: str = "") -> None:
        """A closed shape."""
        self.path("M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + "Z", kind, more=more)

    def circle(self, x: float, y: float, radius: float, kind: str) -> None:
        """A circle."""
        self._body.append(f'<circle class="{kind}" cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"/>')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        kind: str = "ink",
        *,
        size: float = 13,
        face: str = "sans",
        anchor: str = "start",
        room: float = 0,
    ) -> None:
        """A line of text, its base line at ``y``; cut with an ellipsis where ``room`` is given.

        Control characters, which no XML may hold, are replaced.

        Args:
            face: sans, bold or mono.
            anchor: start, middle or end.
            room: pixels that it may take.
        """
        text = one_line(text)
        cut = fit(text, room, size, face) if room else text
        attributes = f'class="{kind} {face}" x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}"'
        if anchor != "start":
            attributes += f' text-anchor="{anchor}"'
        full = f"<title>{escape(text)}</title>" if cut != text else ""
        self._body.append(f"<text {attributes}>{escape(cut)}{full}</text>")

    def render(self) -> str:
        """The document."""
        style = "".join(
            [
                f"text{{font-family:{FONT}}}.bold{{font-weight:600}}.mono{{font-family:{MONO}}}",
                ".stroke{fill:none}",
                *self._rules,
                f"@media (prefers-color-scheme:dark){{{''.join(self._dark)}}}",
            ]
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {_n(self.height)}" '
            f'width="{WIDTH}" height="{_n(self.height)}" role="img" '
            f'aria-labelledby="title description">'
            f'<title id="title">{escape(self._title)}</title>'
            f'<desc id="description">{escape(self._description)}</desc>'
            f"<style>{style}</style>{''.join(self._body)}</svg>"
        )


def fit(text: str, room: float, size: float, face: str = "sans") -> str:
    """The text, or its beginning and an ellipsis, so that it takes at most ``room`` pixels."""
    most = int(room / (size * GLYPH[face]))
    return text if len(text) <= most else text[: max(most - 1, 0)].rstrip() + "…"


def text_width(text: str, size: float, face: str = "sans") -> float:
    """An estimate of the pixels that a text takes."""
    return len(text) * size * GLYPH[face]


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")

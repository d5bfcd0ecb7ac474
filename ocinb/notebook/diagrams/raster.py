"""SVG → PNG: large and exact for a file, small for a saved notebook."""

from __future__ import annotations

import io
from importlib.util import find_spec

from ocinb.errors import UnsupportedHost

COLOURS = 32
"""Of a small PNG. The sheets are flat areas and text: its edges need no more."""

_NEEDED = {"resvg_py": "resvg-py", "PIL": "pillow"}
"""Module → what is installed for it."""


def available() -> bool:
    """Whether diagrams can be made PNGs here."""
    return all(find_spec(module) is not None for module in _NEEDED)


def check() -> None:
    """Whether diagrams can be made PNGs here.

    Raises:
        UnsupportedHost: a package for it is not installed.
    """
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UnsupportedHost(
            "a diagram cannot be made a PNG",
            hint=f"%pip install {' '.join(missing)}; or save it as .svg",
        )


def png(svg: str, zoom: float) -> bytes:
    """All colours, on light ground.

    Args:
        zoom: 1 is 800 pixels wide.

    Raises:
        UnsupportedHost: a package for it is not installed.
    """
    check()
    from resvg_py import svg_to_bytes

    return bytes(svg_to_bytes(svg_string=svg, zoom=zoom, background="#ffffff"))


def small_png(svg: str) -> bytes:
    """A tenth of that: 800 pixels wide, few colours, mostly 10 to 25 kB, made in 50 to 100 ms.

    Raises:
        UnsupportedHost: a package for it is not installed.
    """
    full = png(svg, zoom=1)
    from PIL import Image

    with Image.open(io.BytesIO(full)) as picture:
        # By coverage and not by count: a sign of few pixels keeps the colour that it has alone.
        small = picture.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    packed = io.BytesIO()
    small.save(packed, "PNG", optimize=True)
    return packed.getvalue()

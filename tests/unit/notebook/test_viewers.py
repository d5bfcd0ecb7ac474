"""Which form of a diagram viewers take, and that each of them is left with a picture.

``docs/viewers.md`` says the same in words.
"""

from __future__ import annotations

import base64
import json
import re
import struct

import bleach
import nbformat
import pytest
from nbconvert import HTMLExporter, LatexExporter
from traitlets.config import Config

from ocinb.commands.values import Picture
from ocinb.errors import UnsupportedHost
from ocinb.notebook.configuration import OCI
from ocinb.notebook.diagrams import raster
from ocinb.notebook.diagrams.draw import KINDS, draw
from ocinb.notebook.widgets.base import PictureWidget
from tests.support.pictures import tables

HTML, SVG, PNG, PLAIN = "text/html", "image/svg+xml", "image/png", "text/plain"
MOST_PNG = 25_000
MOST_SAVED = 100_000
"""Bytes."""

every_kind = pytest.mark.parametrize("kind", KINDS)


def bundle(kind, **values):
    return draw(Picture(kind, tables(**values)[kind])).bundle(png=True)


def notebook(data):
    output = nbformat.v4.new_output("display_data", data=data)
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])


@every_kind
def test_all_four_forms_are_there(kind):
    assert set(bundle(kind)) == {HTML, SVG, PNG, PLAIN}


@every_kind
def test_the_png_is_as_wide_as_the_sheet_and_small(kind):
    data = base64.b64decode(bundle(kind)[PNG])
    assert data.startswith(b"\x89PNG")
    width, _height, _depth, colour_type = struct.unpack(">IIBB", data[16:26])
    assert (width, colour_type) == (800, 3)  # of a palette
    assert len(data) < MOST_PNG


@every_kind
def test_a_saved_notebook_stays_small(kind):
    assert len(json.dumps(bundle(kind))) < MOST_SAVED


def test_the_png_is_the_same_each_time():
    assert bundle("layer_stack")[PNG] == bundle("layer_stack")[PNG]


@every_kind
def test_html_has_the_svg_and_for_who_shows_none_the_png(kind):
    forms = bundle(kind)
    svg = re.search(r'srcset="data:image/svg\+xml;base64,([^"]+)"', forms[HTML])
    png = re.search(r'<img alt="[^"]+"[^>]* src="data:image/png;base64,([^"]+)"', forms[HTML])
    assert base64.b64decode(svg[1]).decode() == forms[SVG]
    assert png[1] == forms[PNG]


def strictly_cleaned(html):
    """As by a sanitizer that knows neither ``picture`` nor SVG, nor any style."""
    cleaned = bleach.clean(
        html,
        tags={"img", "figure", "figcaption", "details", "summary", "table", "tr", "td", "th"},
        attributes={"img": ["src", "alt", "width"]},
        protocols={"data"},
        strip=True,
    )
    return re.sub(r'src="data:image/svg[^"]*"', "", cleaned)


@every_kind
def test_what_a_strict_sanitizer_leaves_is_the_png_with_its_words_and_its_data(kind):
    cleaned = strictly_cleaned(bundle(kind)[HTML])
    assert re.search(r'<img alt="[^"]{20,}" width="800" src="data:image/png;base64,', cleaned)
    assert "<summary>" in cleaned
    assert "svg+xml" not in cleaned


def test_where_no_png_can_be_made_html_has_the_svg_alone(monkeypatch):
    monkeypatch.setattr(raster, "find_spec", lambda module: None if module == "PIL" else module)
    forms = draw(Picture("limits", tables()["limits"]))._repr_mimebundle_()
    assert set(forms) == {HTML, SVG, PLAIN}
    assert "<picture" not in forms[HTML]
    assert 'src="data:image/svg+xml;base64,' in forms[HTML]
    assert not OCI().shows_png
    with pytest.raises(UnsupportedHost) as raised:
        OCI(png=True)
    assert raised.value.hint == "%pip install pillow; or save it as .svg"


def test_it_can_be_switched_off():
    assert OCI().shows_png
    assert not OCI(png=False).shows_png


class Still(PictureWidget):
    """A widget that is its picture."""

    name = "pull"

    def picture(self):
        return draw(Picture("limits", tables()["limits"]))


def test_a_widgets_picture_is_a_png_too_unless_that_is_switched_off():
    widget = Still()
    assert "data:image/png;base64," in widget.forms()[HTML]
    assert set(widget.forms()) == {HTML, PLAIN}
    widget.png = False
    assert "image/png" not in widget.forms()[HTML]
    widget.close()


def test_nbconvert_takes_the_html():
    html, _ = HTMLExporter().from_notebook_node(notebook(bundle("layer_stack")))
    assert html.count("<picture><source") == 1
    assert "<figcaption>" in html


def test_nbconvert_to_latex_takes_the_png():
    """Where there is Inkscape it makes a PDF of the SVG; where there is none it must be told."""
    exporter = LatexExporter(config=Config({"SVG2PDFPreprocessor": {"enabled": False}}))
    body, _ = exporter.from_notebook_node(notebook(bundle("layer_stack")))
    assert re.search(r"\\adjustimage\{.*\}\{[^}]*\.png\}", body)


@pytest.mark.parametrize(
    "order",
    [
        # rendermime's ranks; a trusted notebook has "text/html" first, one that is not has the
        # images first, for they are safe.
        [HTML, SVG, PNG, PLAIN],
        [SVG, PNG, HTML, PLAIN],
        # VS Code and Colab know the same types.
        [PNG, SVG, HTML, PLAIN],
        [PLAIN],
    ],
)
def test_whatever_a_viewer_prefers_it_has(order):
    forms = bundle("limits")
    chosen = next(kind for kind in order if kind in forms)
    assert chosen == order[0]
    assert "linux.resources.memory.limit" in forms[PLAIN]

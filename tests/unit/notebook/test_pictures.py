"""What holds for every diagram, whatever it shows."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from ocinb.commands.values import Picture
from ocinb.notebook.diagrams.draw import KINDS, draw
from ocinb.notebook.diagrams.svg import GLYPH, PALETTE, WIDTH
from tests.support.pictures import tables

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("1")</script>&\x1b[2J\n\x00'
LONG = "a-very-long-name-" * 12

every_kind = pytest.mark.parametrize("kind", KINDS)


def drawn(kind, **values):
    return draw(Picture(kind, tables(**values)[kind]))


def test_each_kind_has_a_listing_here():
    assert set(tables()) == set(KINDS)


@every_kind
def test_it_is_a_document_with_a_title_and_a_description_in_words(kind):
    diagram = drawn(kind)
    root = ElementTree.fromstring(diagram.svg)
    assert root.find(f"{SVG}title").text
    assert root.find(f"{SVG}desc").text == diagram.alt
    assert len(diagram.alt) > 20
    assert f'alt="{diagram.alt[:10]}' in diagram.html


@every_kind
def test_the_same_rows_give_the_same_bytes(kind):
    picture = Picture(kind, tables()[kind])
    assert draw(picture).svg == draw(picture).svg


@every_kind
@pytest.mark.parametrize("many", [0, 1, 200])
def test_few_and_many_rows_can_be_drawn(kind, many):
    height = float(ElementTree.fromstring(drawn(kind, many=many).svg).get("height"))
    assert 60 < height < 4_500


@every_kind
def test_what_others_wrote_is_never_markup(kind):
    diagram = drawn(kind, word=HOSTILE)
    assert not [e for e in ElementTree.fromstring(diagram.svg).iter() if "script" in e.tag]
    assert "<script" not in diagram.html
    assert "\x1b" not in diagram.svg


@every_kind
@pytest.mark.parametrize("word", ["demo", LONG])
def test_nothing_leaves_the_sheet(kind, word):
    root = ElementTree.fromstring(drawn(kind, word=word).svg)
    for rect in root.iter(f"{SVG}rect"):
        left, width = float(rect.get("x")), float(rect.get("width"))
        assert left >= 0
        assert left + width <= WIDTH
    for text in root.iter(f"{SVG}text"):
        face = text.get("class").split()[-1]
        length = len(text.text or "") * float(text.get("font-size")) * GLYPH[face]
        left = float(text.get("x"))
        anchor = text.get("text-anchor", "start")
        left -= {"start": 0, "middle": length / 2, "end": length}[anchor]
        assert left >= 0, text.text
        assert left + length <= WIDTH + 1, text.text


@every_kind
def test_every_class_is_defined_and_suits_light_and_dark_pages(kind):
    svg = drawn(kind).svg
    light, dark = svg.split("@media (prefers-color-scheme:dark)")
    for element in ElementTree.fromstring(svg).iter():
        for name in {*(element.get("class") or "").split()} - {"sans"}:
            assert f".{name}{{" in light, name
    assert all(f".{name}{{" in dark for name in PALETTE)


@every_kind
def test_the_data_stands_beside_it(kind):
    diagram = drawn(kind)
    assert diagram.frame.shape == (len(diagram.data), len(diagram.data.columns))
    assert "<details>" in diagram.html


def contrast(one, other):
    """As WCAG 2 has it."""
    brightness = []
    for colour in (one, other):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        brightness.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    high, low = max(brightness), min(brightness)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "name", ["ink", "soft", "accent", "add", "change", "delete", "good", "error"]
)
@pytest.mark.parametrize("ground", ["sheet", "stripe", "own", "faint"])
def test_text_can_be_read_on_every_ground(name, ground):
    if ground in ("own", "faint") and name not in ("ink", "soft", "accent"):
        return
    for page in (1, 2):
        assert contrast(PALETTE[name][page], PALETTE[ground][page]) >= 4.5, (name, ground, page)

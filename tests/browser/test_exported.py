"""A notebook with every diagram, exported and opened elsewhere: each picture is really drawn."""

from __future__ import annotations

import functools
import io
import re
import unicodedata

import nbformat
import pypdf
import pytest
from nbconvert import HTMLExporter, WebPDFExporter
from playwright.async_api import BrowserType

from ocinb.commands.values import Picture
from ocinb.notebook.diagrams.draw import KINDS, draw
from tests.support.lab import CHROMIUM, DRAWN_WIDTH
from tests.support.pictures import tables

pytestmark = [pytest.mark.peer, pytest.mark.slow]

DRAWN = """
() => [...document.querySelectorAll("figure img")].map((image) => ({
    width: image.naturalWidth,
    svg: image.currentSrc.startsWith("data:image/svg+xml"),
    alt: image.alt,
    seen: image.getBoundingClientRect().width,
}))
"""


@pytest.fixture(scope="module")
def notebook():
    """Of every kind of diagram, as a kernel would have left it."""
    listings = tables("localhost:5000/demo")
    cells = []
    for number, kind in enumerate(KINDS, 1):
        forms = draw(Picture(kind, listings[kind])).bundle(png=True)
        output = nbformat.v4.new_output("execute_result", data=forms, execution_count=number)
        cells.append(nbformat.v4.new_code_cell(kind, outputs=[output], execution_count=number))
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture
def static_page(chromium):
    """A page that runs no script."""
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 1000, "height": 800}
    )
    yield context.new_page()
    context.close()


def drawn(page):
    pictures = page.evaluate(DRAWN)
    assert len(pictures) == len(KINDS)
    assert all(picture["width"] == 800 and picture["seen"] > 300 for picture in pictures)
    assert all(len(picture["alt"]) > 20 for picture in pictures)
    return {picture["svg"] for picture in pictures}


def test_html_shows_every_diagram_without_javascript(notebook, static_page, tmp_path, pictures):
    html, _ = HTMLExporter().from_notebook_node(notebook)
    path = tmp_path / "exported.html"
    path.write_text(html)
    static_page.goto(path.as_uri())
    assert drawn(static_page) == {True}
    static_page.screenshot(path=pictures / "exported.png", full_page=True)


def test_where_svg_is_taken_out_the_png_is_seen(notebook, static_page, tmp_path, pictures):
    """As a sanitizer does that knows neither ``picture`` nor SVG."""
    html, _ = HTMLExporter().from_notebook_node(notebook)
    path = tmp_path / "cleaned.html"
    path.write_text(re.sub(r"</?picture>|<source[^>]*>", "", html))
    static_page.goto(path.as_uri())
    assert drawn(static_page) == {False}
    static_page.screenshot(path=pictures / "exported-png.png", full_page=True)


def test_pdf_shows_every_diagram(notebook, monkeypatch):
    """nbconvert's webpdf, with this machine's Chromium in the place of a downloaded one."""
    launch = functools.partialmethod(BrowserType.launch, executable_path=CHROMIUM)
    monkeypatch.setattr(BrowserType, "launch", launch)
    exporter = WebPDFExporter(disable_sandbox=True)
    data, _ = exporter.from_notebook_node(notebook)
    words = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    shown = re.sub(r"\s+", "", unicodedata.normalize("NFKC", words))  # fi was one sign
    for kind, table in tables("localhost:5000/demo").items():
        if kind in KINDS:
            title = re.findall(r"<text[^>]*>([^<]+)<", draw(Picture(kind, table)).svg)[0]
            assert re.sub(r"\s+", "", title) in shown, kind


def test_a_strangers_notebook_shows_its_pictures_before_it_is_trusted(
    notebook, notebook_page, jupyter_lab
):
    """JupyterLab's own sanitizer stands between."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "python3"}}
    few = nbformat.v4.new_notebook(cells=notebook.cells[:2], metadata=kernel)
    path = jupyter_lab.work / "strangers.ipynb"
    nbformat.write(few, path)
    notebook_page.open(path)
    pictures = notebook_page.panel.locator("img")
    pictures.nth(1).wait_for()
    for picture in pictures.all():
        assert picture.evaluate(DRAWN_WIDTH) == 800
    assert (
        notebook_page.page.evaluate(
            "() => jupyterapp.shell.currentWidget.model.cells.get(0).trusted"
        )
        is False
    )

"""``%oci`` in JupyterLab: Tab, tables, pictures, errors, in a light and in a dark theme."""

from __future__ import annotations

import re

import pytest

from tests.support.lab import DRAWN_WIDTH

pytestmark = [pytest.mark.peer, pytest.mark.slow]

LOAD = "%load_ext ocinb\n%oci layers demo;"
"""The layers are unpacked by it: Tab unpacks nothing."""


@pytest.fixture
def notebook(notebook_page, jupyter_lab, demo_image):
    """Opens a notebook of these cells behind the one that loads the extension."""

    def open_(name, *cells):
        notebook_page.open(jupyter_lab.write(name, [LOAD, *cells]))
        notebook_page.run(0)
        return notebook_page

    return open_


def tab(notebook, number):
    """Press Tab at the end of a cell; the words that are offered."""
    cell = notebook.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    cell.locator(".cm-content").click()
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.press("Tab")
    return cell


def offered(notebook):
    items = notebook.page.locator(".jp-Completer-item")
    items.first.wait_for()
    return [re.sub(r"\s+", " ", text).strip() for text in items.all_inner_texts()]


def text_of(cell):
    return cell.locator(".cm-content").inner_text()


def test_tab_completes_the_only_word_and_offers_several(notebook, pictures):
    page = notebook("tab", "%oci cat demo:/et", "%oci files --", "%oci p", "%%oci run de")
    cell = tab(page, 1)
    assert [word for item in offered(page) for word in item.split() if "demo" in word] == [
        "demo:/etc/"
    ]
    page.page.keyboard.press("Enter")
    assert text_of(cell) == "%oci cat demo:/etc/"
    tab(page, 2)
    words = offered(page)
    assert any("--layer" in word for word in words)
    assert not any("import" in word for word in words)
    page.page.screenshot(path=pictures / "tab.png")
    page.page.keyboard.press("Escape")
    tab(page, 3)
    assert {"pull", "push", "ps"} <= {word for item in offered(page) for word in item.split()}
    page.page.keyboard.press("Escape")
    cell = tab(page, 4)
    assert "demo" in " ".join(offered(page)).split()
    page.page.keyboard.press("Enter")
    assert text_of(cell) == "%%oci run demo"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_tables_and_pictures_in_both_themes(notebook, pictures, theme):
    cells = [
        "%oci layers demo",
        "%oci why --diagram demo /etc/motd",
        "%oci graph demo",
        "%oci ledger demo",
        "%oci run -d --name box --memory 64m --cpus 0.5 demo sh -c 'sleep 600'",
        "%oci namespaces box",
        "%oci limits box",
        "%oci components box",
        "%oci run --name other demo true;",
        "%oci compare box other",
        "%oci lifecycle --diagram --step 2 box",
        "%oci rm --force box other",
    ]
    page = notebook("pictures", *cells)
    page.set_theme(theme)
    name = theme.rpartition(" ")[2].lower()
    for number, cell in enumerate(cells, 1):
        output = page.run(number)
        figure = output.locator("figure img, table").first
        word = cell.split()[1]
        if word in ("run", "rm"):
            continue
        figure.wait_for()
        output.screenshot(path=pictures / f"{word}-{name}.png")
        if word != "layers":
            assert figure.get_attribute("alt")
            assert figure.evaluate(DRAWN_WIDTH) == 800


def test_an_error_is_a_sentence_and_its_explanation_is_a_word_away(notebook, pictures):
    page = notebook("errors", "%oci layers Demo", "%oci explain", "%oci layerz demo")
    output = page.run(1)
    output.get_by_text("is not a repository name").wait_for()
    assert "Traceback" not in output.inner_text()
    explained = page.run(2).inner_text()
    assert "the rule: distribution-spec" in explained
    assert "did you mean layers?" in page.run(3).inner_text()
    page.page.screenshot(path=pictures / "errors.png")


def test_a_containers_output_is_text_with_colours_and_never_html(notebook, pictures):
    script = (
        "printf '\\033[31mred\\033[0m <b id=hostile>bold</b> <script>document.title=1</script>"
        "\\033]0;title\\007\\033[2J end\\n'"
    )
    page = notebook("hostile", f"%%oci run --rm demo\n{script}")
    output = page.run(1)
    output.get_by_text("<b id=hostile>bold</b>").wait_for()
    assert page.page.locator("#hostile").count() == 0
    assert output.locator("span.ansi-red-fg").inner_text() == "red"
    assert "\x1b" not in output.inner_text()
    output.screenshot(path=pictures / "hostile.png")


def test_the_question_mark_shows_help(notebook):
    page = notebook("question", "%oci layers?")
    assert "Usage: %oci layers" in page.run(1).inner_text()


def test_a_long_listing_is_searched_and_paged(notebook, pictures):
    page = notebook("paged", "%config OCI.interactive = True\n%oci files demo")
    output = page.run(1)
    box = output.get_by_role("searchbox")
    box.fill("passwd")
    output.get_by_role("cell", name="/etc/passwd").wait_for()
    assert output.locator("table.dataTable tbody tr").count() == 1
    output.screenshot(path=pictures / "paged.png")


def test_a_notebook_that_is_opened_again_shows_its_pictures(notebook, jupyter_lab, pictures):
    page = notebook("again", "%oci ledger demo", "%oci layers demo")
    page.run(1).locator("figure img").wait_for()
    page.run(2).locator("table").wait_for()
    page.command("docmanager:save")
    page.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget?.context?.model?.dirty === false"
    )
    page.open(jupyter_lab.write("between", ["1 + 1"]))
    assert page.panel.locator("figure").count() == 0
    (path,) = jupyter_lab.work.glob("again*.ipynb")
    page.open(path)
    figure = page.panel.locator("figure img")
    figure.wait_for()
    assert figure.evaluate(DRAWN_WIDTH) == 800
    page.panel.locator("summary").click()
    page.panel.get_by_role("cell", name="chainID").first.wait_for()
    page.page.screenshot(path=pictures / "again.png")

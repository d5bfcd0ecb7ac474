"""``%oci`` in Notebook 7: the same pictures, tables and widgets as in JupyterLab."""

from __future__ import annotations

import re

import pytest

from ocinb.build.demo import demo_image as make_demo
from ocinb.content.store import Store
from tests.support.lab import DRAWN_WIDTH, TOKEN, lab

pytestmark = [pytest.mark.peer, pytest.mark.slow]

CELLS = [
    "%load_ext ocinb\n%oci layers demo",
    "%oci layers --diagram demo",
    "%oci explore demo",
]


@pytest.fixture
def notebook_7(tmp_path):
    with lab(
        tmp_path,
        "notebook",
        OCINB_ROOT=str(tmp_path / "root"),
        OCINB_RUN_ROOT=str(tmp_path / "run"),
    ) as running:
        store = Store(tmp_path / "root/store")
        store.names.set("docker.io/library/demo:latest", make_demo(store))
        yield running
        running.shut_kernels_down()


def test_tables_pictures_and_widgets(notebook_7, chromium, pictures):
    path = notebook_7.write("seven", CELLS)
    context = chromium.new_context(viewport={"width": 1100, "height": 1000})
    context.set_default_timeout(30_000)
    page = context.new_page()
    raised = []
    page.on("pageerror", lambda error: raised.append(str(error)))
    page.goto(f"{notebook_7.url}/notebooks/{path.name}?token={TOKEN}")
    cells = page.locator(".jp-CodeCell")
    cells.first.wait_for()
    page.wait_for_function(
        "() => jupyterapp.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status"
        " === 'idle'"
    )
    raised.clear()  # of the page itself, before there was anything of ours
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
    for number in range(len(CELLS)):
        prompt = cells.nth(number).locator(".jp-InputPrompt")
        prompt.filter(has_text=re.compile(r"\[\d+\]:")).wait_for()
    cells.nth(0).get_by_role("columnheader", name="created by").wait_for()
    figure = cells.nth(1).locator("figure img")
    figure.wait_for()
    assert figure.evaluate(DRAWN_WIDTH) == 800
    assert figure.evaluate("image => image.currentSrc.slice(0, 18)") == "data:image/svg+xml"
    explorer = cells.nth(2).locator(".ocinb-explorer")
    explorer.get_by_role("treeitem", name="etc").click()
    explorer.get_by_role("treeitem", name="passwd").click()
    explorer.get_by_text("root:x:0:0").first.wait_for()
    page.screenshot(path=pictures / "notebook-7.png", full_page=True)
    assert raised == []
    context.close()

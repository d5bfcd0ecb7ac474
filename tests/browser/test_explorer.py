"""The image explorer in JupyterLab: what is chosen on the page is known in Python, and back."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.slow]

CELLS = [
    "%load_ext ocinb\nexplorer = %oci explore demo",
    "explorer",
    "print(explorer.selected_layer, explorer.selected_path, explorer.expanded)",
    "explorer.selected_layer = 3\nexplorer.selected_path = '/srv/notes'",
    "explorer",
    "explorer.close()",
]


@pytest.fixture
def notebook(notebook_page, jupyter_lab, demo_image):
    notebook_page.open(jupyter_lab.write("explorer", CELLS))
    notebook_page.run(0)
    return notebook_page


def test_layers_files_content_and_waste_are_one_in_every_view(notebook, pictures):
    view = notebook.run(1)
    view.get_by_role("treeitem", name="etc").click()
    view.get_by_role("treeitem", name="passwd").click()
    view.locator("pre", has_text="root:x:0:0").wait_for()
    assert "0 /etc/passwd ['/etc']" in notebook.run(2).inner_text()
    view.screenshot(path=pictures / "explorer-file.png")

    notebook.run(3)  # from Python: the page follows
    view.locator("pre", has_text="This file is in a lower layer").wait_for()
    chosen = view.get_by_role("radio", checked=True)
    assert "names of users" in chosen.inner_text()
    assert view.get_by_role("treeitem", selected=True).get_attribute("title") == "/srv/notes"

    again = notebook.run(4)  # a second view shows the same, and both go together
    again.locator("pre", has_text="This file is in a lower layer").wait_for()
    again.get_by_role("tab", name="Waste").click()
    again.get_by_role("list", name="Wasted files").get_by_role("button").nth(1).click()
    view.locator("pre", has_text="a later layer deletes it").wait_for()
    assert "3 /etc/motd" in notebook.run(2).inner_text()

    notebook.set_theme("JupyterLab Dark")
    again.screenshot(path=pictures / "explorer-waste-dark.png")

    notebook.run(5)  # closed: the picture stays, without a widget
    view.locator("figure img[alt*='layers']").wait_for()
    assert view.locator(".ocinb-explorer").count() == 0


def test_the_tree_is_walked_by_keys_alone(notebook):
    view = notebook.run(1)
    tree = view.get_by_role("tree", name="Files")
    tree.focus()
    notebook.page.keyboard.press("ArrowDown")
    notebook.page.keyboard.press("ArrowRight")
    view.get_by_role("treeitem", name="passwd").wait_for()
    for _ in range(20):
        if view.get_by_role("treeitem", selected=True, name="passwd").count():
            break
        notebook.page.keyboard.press("ArrowDown")
    view.locator("pre", has_text="root:x:0:0").wait_for()
    notebook.page.keyboard.press("ArrowLeft")
    assert view.get_by_role("treeitem", selected=True).get_attribute("title") == "/etc"
    assert notebook.panel.locator(".jp-CodeCell").count() == len(CELLS)

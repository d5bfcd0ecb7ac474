"""The OCI kernel in JupyterLab, from its tile in the launcher."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.root, pytest.mark.peer, pytest.mark.slow]


def test_from_the_launcher_to_a_script_in_a_container(
    notebook_page, jupyter_lab, demo_image, pictures
):
    done = subprocess.run(
        [sys.executable, "-m", "ocinb", "kernel", "install", "--user"],
        env=jupyter_lab.environment,
        capture_output=True,
        check=True,
    )
    assert b"kernels/ocinb" in done.stdout
    notebook_page.launcher()
    page = notebook_page.page
    tile = page.locator(".jp-LauncherCard[data-category='Notebook']", has_text="OCI (ocinb)")
    tile.locator("img").wait_for()
    page.screenshot(path=pictures / "launcher.png")
    tile.click()
    notebook_page.panel.locator(".jp-CodeCell").first.wait_for()
    notebook_page.idle()

    notebook_page.type(0, "layers demo --diagram")
    notebook_page.run(0).locator("figure img").wait_for()
    notebook_page.add_cell('#!image demo\ncd /etc; export WHO=me; read -r word; echo "$word"')
    waiting = notebook_page.start(1)
    waiting.locator(".jp-Stdin-input").fill("<i>spoken</i>")
    page.keyboard.press("Enter")
    waiting.get_by_text("<i>spoken</i>").last.wait_for()
    notebook_page.add_cell("#!image demo\necho $WHO in $PWD")
    assert "me in /etc" in notebook_page.run(2).inner_text()
    notebook_page.add_cell("explore demo")
    view = notebook_page.run(3)
    view.get_by_role("treeitem", name="etc").click()
    view.get_by_role("treeitem", name="passwd").wait_for()
    page.screenshot(path=pictures / "kernel.png")

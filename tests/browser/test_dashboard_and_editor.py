"""The dashboard and the editor of config.json in JupyterLab."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.root, pytest.mark.peer, pytest.mark.slow]

SCRIPT = "while true; do echo '<b>bold</b>'; sleep 0.2; done"


def test_containers_are_watched_paused_entered_and_killed(
    notebook_page, jupyter_lab, demo_image, pictures
):
    cells = [
        f'%load_ext ocinb\n%oci run -d --name watched demo sh -c "{SCRIPT}"',
        "dashboard = %oci dashboard",
        "dashboard",
        "print('seen by', dashboard._view_count)\ndashboard.close()\n%oci rm watched;",
    ]
    notebook_page.open(jupyter_lab.write("dashboard", cells))
    notebook_page.run(0)
    notebook_page.run(1)
    view = notebook_page.run(2)
    row = view.get_by_role("row", name="watched")
    view.get_by_role("button", name="watched", exact=True).click()
    view.get_by_label("Output of watched").filter(has_text="<b>bold</b>").wait_for()
    assert view.locator("b").count() == 0
    view.get_by_label("Command to run in the container").fill("cat /etc/hostname /nowhere")
    view.get_by_role("button", name="Run", exact=True).click()
    view.get_by_text("exit status 1").wait_for()
    view.screenshot(path=pictures / "dashboard.png")
    view.get_by_role("button", name="pause watched").click()
    row.get_by_text("paused").wait_for()
    view.get_by_role("button", name="kill watched").click()
    row.get_by_text("stopped").wait_for()
    assert "seen by 1" in notebook_page.run(3).inner_text()  # unseen, it looks no more
    view.get_by_role("cell", name="137").wait_for()  # what is left is a table
    assert view.locator(".ocinb-dashboard").count() == 0


def test_a_config_is_checked_while_it_is_typed(
    notebook_page, jupyter_lab, demo_image, tmp_path, pictures
):
    bundle = tmp_path / "bundle"
    cells = [
        f"%load_ext ocinb\n%oci bundle spec {bundle}",
        f"editor = %oci edit {bundle}",
        "editor",
    ]
    notebook_page.open(jupyter_lab.write("editor", cells))
    notebook_page.run(0)
    notebook_page.run(1)
    view = notebook_page.run(2)
    text = view.get_by_label("config.json", exact=True)
    valid = text.input_value()
    text.fill(valid.replace('"cwd": "/"', '"cwd": "here"'))
    view.get_by_text("must be an absolute path, not 'here'").wait_for()
    assert view.get_by_role("button", name="Save").is_disabled()
    view.get_by_role("list", name="What is wrong").get_by_role("button", name="process.cwd").click()
    view.get_by_text("the working directory").wait_for()
    view.screenshot(path=pictures / "editor-finding.png")
    text.fill(valid.replace('"cwd": "/",', '"cwd": "/"'))
    view.get_by_text("not JSON").wait_for()
    text.fill(valid.replace('"cwd": "/"', '"cwd": "/srv"'))
    view.get_by_text("✓ valid").wait_for()
    view.get_by_role("row", name="process.cwd").get_by_text('"/srv"').wait_for()
    view.get_by_role("button", name="Save").click()
    view.get_by_text("saved", exact=True).wait_for()
    assert json.loads((bundle / "config.json").read_bytes())["process"]["cwd"] == "/srv"

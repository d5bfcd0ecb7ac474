"""A pull in JupyterLab: seen while it happens, small on the wire, a picture afterwards."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.slow]

MOST_TRAFFIC = 1_000_000
MOST_SAVED = 50_000
"""Bytes."""


def test_a_pull_is_watched_layer_by_layer(
    notebook_page, jupyter_lab, demo_image, tmp_path, pictures
):
    cells = [
        "%load_ext ocinb\nimport ocinb\nregistry = ocinb.Registry()\n"
        "from ocinb.registry.faults import FaultPlan\n"
        "name = f'{registry.address}/demo'\n%oci push demo $name;\n"
        f"registry.faults = FaultPlan(slow=800_000)\n%config OCI.root = '{tmp_path}/elsewhere'",
        "%oci pull $name;",
        "registry.close()",
    ]
    path = jupyter_lab.write("pull", cells)
    notebook_page.open(path)
    notebook_page.run(0)
    before = notebook_page.received
    view = notebook_page.start(1)
    blobs = view.get_by_role("list", name="Blobs")
    blobs.get_by_text("downloading").first.wait_for()
    blobs.get_by_text("✓").first.wait_for()
    view.screenshot(path=pictures / "pull.png")
    view.locator("summary").wait_for()  # what stays is no widget
    notebook_page.idle()
    assert "unpacked" in view.locator("table").text_content()
    assert view.locator(".ocinb-pull").count() == 0
    notebook_page.run(2)
    assert notebook_page.received - before < MOST_TRAFFIC
    notebook_page.command("docmanager:save")
    saved = json.loads(path.read_text())["cells"][1]["outputs"]
    assert [sorted(output["data"]) for output in saved] == [["text/html", "text/plain"]]
    assert len(json.dumps(saved)) < MOST_SAVED

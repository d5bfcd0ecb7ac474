"""Widgets in an exported notebook: their pictures, without JavaScript."""

from __future__ import annotations

import os

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from ocinb.build.demo import demo_image
from ocinb.engine import Engine
from ocinb.settings import Settings

pytestmark = pytest.mark.root

CELLS = [
    "%load_ext ocinb\n%oci explore demo",
    "stepper = %oci step demo true\nstepper.advance()\nstepper",
    "dashboard = %oci dashboard\ndashboard",
    "dashboard.close()",
]


@pytest.mark.parametrize("keeps_state", [False, True], ids=["", "with widget state"])
def test_an_export_shows_every_widget_as_a_picture(tmp_path, keeps_state):
    settings = Settings(root=tmp_path / "root", run_root=tmp_path / "run")
    engine = Engine(settings)
    engine.store.names.set("docker.io/library/demo:latest", demo_image(engine.store))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    places = {"OCINB_ROOT": str(settings.root), "OCINB_RUN_ROOT": str(settings.run_root)}
    client = NotebookClient(notebook, kernel_name="python3", store_widget_state=keeps_state)
    client.create_kernel_manager().shutdown_wait_time = 60  # its containers are deleted at its end
    done = client.execute(env=os.environ | places)
    html, _ = HTMLExporter().from_notebook_node(done)
    assert "docker.io/library/demo:latest" in html or "demo, linux/amd64" in html
    assert "lifecycle of docker.io/library/demo:latest: 2 of 13 steps" in html
    assert html.count('<img alt="') == 2
    assert "0 containers" in html
    kinds = [sorted(o["data"]) for cell in done.cells for o in cell.outputs if "data" in o]
    picture, view = ["text/html", "text/plain"], "application/vnd.jupyter.widget-view+json"
    assert kinds == [picture, [view, *picture], picture, [view, *picture], picture, picture]
    assert list((settings.root / "steps").iterdir()) == []  # the kernel's end is the widget's

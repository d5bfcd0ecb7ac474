"""Every notebook runs from top to bottom, and what it shows can be seen without JavaScript."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

from ocinb.linux.mounts import mounts

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
FIRST = next(path for path in NOTEBOOKS if path.name.startswith("00-"))
LONGEST_CELL = 15
"""Lines: an idea a cell."""


def execute(notebook, directory):
    """Run a notebook; what it makes in a temporary directory lies beneath ``directory``."""
    return NotebookClient(
        notebook,
        timeout=100,
        kernel_name="python3",
        resources={"metadata": {"path": str(directory)}},
    ).execute(
        env=os.environ
        | {"TMPDIR": str(directory), "OCINB_PROGRESS": f"{directory}-progress/course.json"}
    )


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("notebook")
    notebook = execute(nbformat.read(FIRST, as_version=4), directory)
    assert list(directory.iterdir()) == []
    assert not [mount for mount in mounts() if mount.target.startswith(str(directory))]
    return notebook


def outputs(notebook, kind):
    """What a viewer is given: texts of streams, or a MIME type of results and displays."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if kind == "stream":
                if output.output_type == "stream":
                    yield output.text
            elif kind in output.get("data", {}):
                yield output.data[kind]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_is_committed_without_outputs_in_short_cells(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert not cell.get("execution_count")
        assert len(cell.source.splitlines()) <= LONGEST_CELL


@pytest.mark.root
@pytest.mark.slow
def test_the_container_speaks(executed):
    text = "".join(outputs(executed, "stream"))
    assert 'NAME="ocinb demo"' in text
    assert "uid=0(root)" in text
    assert "I am process 1 on" in text


@pytest.mark.root
@pytest.mark.slow
def test_its_diagrams_are_in_it_as_pictures_with_words(executed):
    svgs = list(outputs(executed, "image/svg+xml"))
    said = (
        "21 of 21 are true",
        "a whiteout",
        "not seen: layer 4 takes it away",
        "13 of 13 steps",
        "its own namespaces are",
    )
    for svg, words in zip(svgs, said, strict=True):
        assert words in svg
    figures = [html for html in outputs(executed, "text/html") if "<figure" in html]
    assert len(figures) == len(said)
    assert all('<img alt="' in html and "<script" not in html for html in figures)


@pytest.mark.root
@pytest.mark.slow
def test_a_listing_is_a_table_of_ours(executed):
    tables = [html for html in outputs(executed, "text/html") if "<table" in html]
    assert any("chain id" in html and "title=" in html for html in tables)


@pytest.mark.root
@pytest.mark.slow
def test_it_stays_small_when_saved(executed):
    assert len(json.dumps(executed)) < 600_000
    pulls = [html for html in outputs(executed, "text/html") if "blobs," in html]
    assert len(pulls) == 2  # the last picture of each, not every one on the way
    assert all(len(html) < 50_000 for html in pulls)


@pytest.mark.root
@pytest.mark.slow
def test_converted_to_html_it_shows_the_figures(executed):
    html, _ = HTMLExporter().from_notebook_node(executed)
    assert html.count('srcset="data:image/svg+xml;base64,') == 5
    assert 'alt="lifecycle of lesson: 13 of 13 steps' in html


@pytest.mark.slow
def test_an_error_fails_its_cell_and_stops_the_notebook(tmp_path):
    cells = [
        f"%env OCINB_ROOT={tmp_path}/root\n%env OCINB_RUN_ROOT={tmp_path}/run\n%load_ext ocinb",
        "%oci layers nothing",
        "print('never')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    with pytest.raises(CellExecutionError):
        execute(notebook, tmp_path)
    (error,) = notebook.cells[1].outputs
    assert error.ename == "NameNotFound"
    assert "no image named docker.io/library/nothing:latest" in error.evalue
    assert "Traceback" not in "".join(error.traceback)
    assert not notebook.cells[2].outputs


@pytest.mark.root
@pytest.mark.slow
def test_an_interrupt_ends_a_container_and_fails_its_cell(tmp_path):
    """The kernel's interrupt: the container is gone, and so is all that belonged to it."""
    cells = [
        f"%env OCINB_ROOT={tmp_path}/root\n%env OCINB_RUN_ROOT={tmp_path}/run\n%load_ext ocinb",
        "from ocinb.build.demo import demo_image\n"
        "from ocinb.content.store import Store\n"
        f"store = Store('{tmp_path}/root/store')\n"
        "store.names.set('docker.io/library/demo:latest', demo_image(store));",
        "import os, signal, threading, time\n"
        "def interrupt():\n"
        f"    while not os.path.exists('{tmp_path}/data/begun'):\n"
        "        time.sleep(0.05)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=interrupt).start()\n"
        f"ended = %oci run --rm -v {tmp_path}/data:/data demo "
        "sh -c 'echo begun; echo > /data/begun; sleep 60'",
        "%oci ps --all --quiet",
    ]
    (tmp_path / "data").mkdir()
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    notebook.cells[2].metadata["tags"] = ["raises-exception"]
    execute(notebook, tmp_path)
    (error,) = [o for o in notebook.cells[2].outputs if o.output_type == "error"]
    assert error.ename == "KeyboardInterrupt"
    assert "begun" in "".join(o.get("text", "") for o in notebook.cells[2].outputs)
    assert notebook.cells[3].outputs[0].data["text/plain"] == "[]"
    assert not [m for m in mounts() if m.target.startswith(os.fspath(tmp_path))]

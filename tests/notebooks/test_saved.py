"""What is in a notebook once it is saved: small, without secrets, nothing that acts."""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

pytestmark = [pytest.mark.root, pytest.mark.slow]

SECRET = "correct-horse-battery"


def made(tmp_path, *cells):
    head = (
        f"%env OCINB_ROOT={tmp_path}/root\n%env OCINB_RUN_ROOT={tmp_path}/run\n%load_ext ocinb\n"
        "from ocinb.build.demo import demo_image\n"
        "from ocinb.content.store import Store\n"
        f"store = Store('{tmp_path}/root/store')\n"
        "store.names.set('docker.io/library/demo:latest', demo_image(store));"
    )
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in (head, *cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )


def execute(tmp_path, *cells):
    notebook = made(tmp_path, *cells)
    resources = {"metadata": {"path": str(tmp_path)}}
    return NotebookClient(
        notebook, timeout=100, kernel_name="python3", resources=resources
    ).execute()


def text(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.fixture(scope="module")
def pictured(tmp_path_factory):
    return execute(
        tmp_path_factory.mktemp("pictured"),
        "%oci layers --diagram demo",
        "%oci why --diagram demo /etc/motd",
        "%oci graph demo",
        "%oci ledger demo",
        "%oci run -d --name box --memory 64m demo sh -c 'sleep 600'\n%oci namespaces box",
        "%oci limits box",
        "%oci components box",
        "%oci lifecycle --diagram box",
        "%oci lifecycle --diagram --step 2 box",
        "%oci run --rm --name other demo true;",
        "%oci bundle spec one;\n%oci bundle spec two;\n%oci compare one two",
        "%oci rm --force box;",
    )


def figures(notebook):
    for cell in notebook.cells:
        for output in cell.outputs:
            html = output.get("data", {}).get("text/html", "")
            if "<figure" in html:
                yield html


def test_every_picture_is_an_image_with_words_and_its_data(pictured):
    found = list(figures(pictured))
    assert len(found) == 10
    for html in found:
        assert '<img alt="' in html
        assert '<source type="image/svg+xml" srcset="data:image/svg+xml;base64,' in html
        assert 'src="data:image/png;base64,' in html
        assert "<details>" in html
        assert "<script" not in html


def test_ten_pictures_are_a_small_file(pictured):
    assert len(json.dumps(pictured)) < 1_500_000


def test_without_javascript_all_of_them_are_seen(pictured):
    html, _ = HTMLExporter().from_notebook_node(pictured)
    assert html.count('srcset="data:image/svg+xml;base64,') == 10


def test_a_secret_is_nowhere_in_it(tmp_path):
    basic = base64.b64encode(f"ann:{SECRET}".encode()).decode()
    (tmp_path / "secret").write_text(SECRET)
    notebook = execute(
        tmp_path,
        "import base64, json, os, ocinb\n"
        "secret = open('secret').read()\n"
        "registry = ocinb.Registry('registry', users={'ann': secret}, token=True)\n"
        "auth = base64.b64encode(f'ann:{secret}'.encode()).decode()\n"
        "with open('auth.json', 'w') as file:\n"
        "    json.dump({'auths': {registry.address: {'auth': auth}}}, file)\n"
        "os.environ['REGISTRY_AUTH_FILE'] = os.path.abspath('auth.json')\n"
        "name = f'{registry.address}/demo:1.0'",
        "%oci push demo $name",
        "image = %oci pull $name\nimage",
        "%oci http --headers --format json",
        "%oci http --diagram",
        "registry",
        "try:\n    %oci pull $registry.address/nothing\nexcept ocinb.errors.OcinbError as error:\n"
        "    print(error)",
        "%oci explain",
        "%oci debug",
        "registry.close()",
    )
    saved = json.dumps(notebook)
    assert "uthorization" in saved  # the headers are there, masked
    assert SECRET not in saved
    assert basic not in saved
    assert not re.search(r"eyJ[\w-]{20,}\.[\w-]{20,}", saved)  # a token


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    place = tmp_path_factory.mktemp("noisy")
    (place / "data").mkdir()
    with (place / "data" / "large").open("wb") as file:
        for _ in range(100):
            file.write(b"x" * 999_999 + b"\n")
    (place / "data" / "binary").write_bytes(random.Random(1).randbytes(300_000))
    return execute(
        place,
        f"%%oci run --rm -v {place}/data:/data demo\ncat /data/large",
        f"%%oci run --rm -v {place}/data:/data demo\ncat /data/binary",
        "%%oci run --rm demo\nprintf '\\033[32mgreen\\033[0m<script>alert(1)</script>\\033[2J'",
    )


def test_a_hundred_megabytes_of_output_are_cut(noisy):
    assert len(text(noisy.cells[1])) < 1_100_000
    assert "more than this cell shows" in text(noisy.cells[1])


def test_binary_bytes_are_text_without_control_characters(noisy):
    shown = text(noisy.cells[2])
    assert len(shown) > 1000
    assert not {chr(n) for n in range(32)} & set(shown) - set("\t\n\r\x08\x1b")


def test_colours_are_kept_and_tags_are_text(noisy):
    assert text(noisy.cells[3]) == "\x1b[32mgreen\x1b[0m<script>alert(1)</script>"
    html, _ = HTMLExporter().from_notebook_node(noisy)
    assert "<script>alert(1)" not in html


@pytest.mark.timeout(240)
def test_two_notebooks_at_once_work_on_one_store(tmp_path):
    """Both pull, build, run and remove; neither sees half of what the other does."""
    cells = [
        "import ocinb",
        "registry = ocinb.Registry('registry')\nname = f'{registry.address}/demo:1.0'",
        "%oci push demo $name;",
        "for _ in range(3):\n    %oci pull $name;\n    %oci rmi $name;",
        "%oci pull $name;\n%oci layers $name;",
        "ended = [image.run('true').exit_status for image in [ocinb.pull(name)] * 2]\nended",
        "%oci gc;\n%oci ledger --format json $name",
        "registry.close()",
    ]
    store = tmp_path / "store"
    store.mkdir()
    paths = []
    for name in ("one", "two"):
        place = tmp_path / name
        place.mkdir()
        nbformat.write(made(store, *cells), place / "notebook.ipynb")
        paths.append(place / "notebook.ipynb")
    program = [sys.executable, "-c", "from nbclient.cli import main; main()", "--inplace"]
    running = [subprocess.Popen([*program, path], cwd=path.parent) for path in paths]
    assert [process.wait(200) for process in running] == [0, 0]
    notebooks = [nbformat.read(path, as_version=4) for path in paths]
    for notebook in notebooks:
        assert notebook.cells[6].outputs[-1].data["text/plain"] == "[0, 0]"
        assert "'verified': 'no'" not in notebook.cells[7].outputs[-1].data["text/plain"]

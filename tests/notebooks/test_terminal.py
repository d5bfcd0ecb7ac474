"""``%oci`` in plain IPython on a terminal: text that fits, and nothing of a notebook's."""

from __future__ import annotations

import os
import re
import sys

import pexpect
import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store

pytestmark = [pytest.mark.slow]

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("terminal")
    store = Store(place / "root" / "store")
    store.names.set("docker.io/library/demo:latest", demo_image(store))
    return place


@pytest.fixture
def ipython(place):
    """Starts IPython in a terminal of so many columns."""
    started = []

    def start(columns):
        environment = {
            **os.environ,
            "OCINB_ROOT": str(place / "root"),
            "OCINB_RUN_ROOT": str(place / "run"),
            "IPYTHONDIR": str(place / "ipython"),
            "COLUMNS": str(columns),
        }
        child = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit"],
            env=environment,
            dimensions=(50, columns),
            encoding="utf-8",
            timeout=60,
        )
        started.append(child)
        child.expect(r"In \[1\]: ")
        ask(child, "%load_ext ocinb", 2)
        return child

    yield start
    for child in started:
        child.close(force=True)


def ask(child, line, following):
    child.sendline(line)
    child.expect(rf"In \[{following}\]: ")
    return ESCAPES.sub("", child.before).replace("\r", "").splitlines()[1:]


@pytest.mark.parametrize("columns", [20, 60, 100, 400, 2000])
def test_a_listing_fits_the_terminal(ipython, columns):
    shown = ask(ipython(columns), "%oci layers demo", 3)
    table = [line for line in shown if re.match(r"(LAYER|\s+\d)  ", line)]
    assert len(table) == 7
    assert max(map(len, shown)) <= columns
    assert any("not shown:" in line for line in shown) == (columns < 400)


@pytest.mark.parametrize("columns", [20, 2000])
@pytest.mark.parametrize("line", ["%oci ledger demo", "%oci history demo", "%oci files demo"])
def test_every_listing_fits_the_narrowest_and_the_widest(ipython, columns, line):
    shown = ask(ipython(columns), line, 3)
    assert len(shown) > 5
    assert max(map(len, shown)) <= columns


def test_what_is_a_widget_elsewhere_says_so(ipython):
    shown = ask(ipython(200), "%oci explore demo", 3)
    assert "this is its listing; in JupyterLab the same command is an explorer" in shown
    assert any(line.startswith("LAYER") for line in shown)


def test_a_picture_is_its_rows(ipython):
    shown = "\n".join(ask(ipython(120), "%oci ledger demo", 3))
    assert "digests of demo" in shown
    assert "chainID" in shown
    assert "<" not in shown.replace("<Diagram", "")


def test_an_error_is_a_sentence(ipython):
    shown = "\n".join(ask(ipython(100), "%oci layers nothing", 3))
    assert "NameNotFound: no image named docker.io/library/nothing:latest" in shown
    assert "Traceback" not in shown


@pytest.mark.root
def test_what_a_container_writes_comes_through(ipython):
    shown = "\n".join(ask(ipython(100), "%oci run --rm demo sh -c 'echo hello; id -u'", 3))
    assert "hello" in shown

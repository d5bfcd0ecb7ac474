"""JupyterLab and headless Chromium, started once for all browser tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.support.lab import CHROMIUM, FLAGS, NotebookPage, lab


@pytest.fixture(scope="session")
def jupyter_lab(tmp_path_factory):
    place = tmp_path_factory.mktemp("lab")
    with lab(
        place, OCINB_ROOT=str(place / "oci-root"), OCINB_RUN_ROOT=str(place / "oci-run")
    ) as running:
        yield running


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab_page(chromium, jupyter_lab):
    """A page that is loaded once: JupyterLab takes seconds to appear."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(20_000)
    yield NotebookPage(context.new_page(), jupyter_lab)
    context.close()


@pytest.fixture
def notebook_page(lab_page, jupyter_lab):
    """The page, for a notebook to be opened in it; no script of it may raise."""
    yield lab_page
    # JupyterLab says that of a kernel which was shut down while it was asked something.
    errors = [error for error in lab_page.errors if not error.startswith("Error: Canceled future")]
    lab_page.errors.clear()
    jupyter_lab.shut_kernels_down()
    assert errors == []


@pytest.fixture(scope="session")
def pictures():
    """Where screenshots go, to be looked at."""
    place = Path(os.environ.get("OCINB_PICTURES", "test-artefacts/pictures"))
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture(scope="session")
def demo_image(jupyter_lab):
    """``demo`` in the store of the lab's kernels."""
    from ocinb.build.demo import demo_image
    from ocinb.engine import Engine
    from ocinb.settings import Settings

    places = jupyter_lab.environment
    engine = Engine(
        Settings(root=Path(places["OCINB_ROOT"]), run_root=Path(places["OCINB_RUN_ROOT"]))
    )
    name = "docker.io/library/demo:latest"
    engine.store.names.set(name, demo_image(engine.store))
    return engine

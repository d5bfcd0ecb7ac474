"""The lifecycle stepper in JupyterLab: each press of the button is a step of a real container."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.root, pytest.mark.peer, pytest.mark.slow]

CELLS = [
    "%load_ext ocinb\nstepper = %oci step demo sleep 600",
    "stepper",
    "print(stepper.position, stepper.status or 'nothing')",
    "stepper",
    "stepper.close()",
]


def test_a_container_goes_from_create_to_delete_at_the_press_of_a_button(
    notebook_page, jupyter_lab, demo_image, pictures
):
    notebook_page.open(jupyter_lab.write("stepper", CELLS))
    notebook_page.run(0)
    view = notebook_page.run(1)

    def press(name, then):
        view.get_by_role("button", name=name).click()
        view.get_by_text(then, exact=True).wait_for()

    press("Create", "at step 3 of 13")
    view.get_by_text("status: creating", exact=True).nth(0).wait_for()
    view.screenshot(path=pictures / "stepper-created.png")
    press("Let the prestart hooks pass", "at step 4 of 13")
    press("Let the createRuntime hooks pass", "at step 5 of 13")
    press("Let the createContainer hooks pass", "at step 6 of 13")
    assert "6 created" in notebook_page.run(2).inner_text()

    press("Start", "at step 7 of 13")
    press("Let the startContainer hooks pass", "at step 9 of 13")
    view.get_by_role("tab", name="Processes").click()
    view.get_by_role("row", name="sleep 600").wait_for()
    press("Let the poststart hooks pass", "at step 10 of 13")

    again = notebook_page.run(3)  # a second view stands where the first one does
    again.get_by_text("at step 10 of 13", exact=True).wait_for()
    notebook_page.set_theme("JupyterLab Dark")
    again.screenshot(path=pictures / "stepper-running-dark.png")

    press("Kill", "at step 11 of 13")
    press("Delete", "at step 13 of 13")
    press("Let the poststop hooks pass", "all steps taken")
    assert "14 nothing" in notebook_page.run(2).inner_text()
    notebook_page.run(4)
    view.locator("figure img[alt*='13 of 13 steps']").wait_for()


def test_a_notebook_that_is_opened_again_shows_how_far_it_came(
    notebook_page, jupyter_lab, demo_image, pictures
):
    path = jupyter_lab.write("reopened", [CELLS[0], "stepper", "stepper.advance()"])
    notebook_page.open(path)
    notebook_page.run(0)
    view = notebook_page.run(1)
    view.get_by_text("at step 1 of 13").wait_for()
    notebook_page.run(2)
    view.get_by_text("at step 3 of 13").wait_for()
    assert view.locator("figure:visible").count() == 0  # the live view is in its place
    notebook_page.command("docmanager:save")
    jupyter_lab.shut_kernels_down()
    notebook_page.open(path)
    picture = notebook_page.panel.locator("figure img")
    picture.wait_for()
    assert "2 of 13 steps" in picture.get_attribute("alt")
    notebook_page.panel.screenshot(path=pictures / "stepper-opened-again.png")

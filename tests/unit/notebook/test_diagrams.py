"""Diagrams: well-formed SVG, in words too, the same bytes each time, safe with hostile names."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import pytest

from ocinb.errors import CommandError
from ocinb.events import StepFinished
from ocinb.insight.layers import LAYER_COLUMNS
from ocinb.notebook.diagrams.layer_stack import layer_stack, made_by
from ocinb.notebook.diagrams.lifecycle_line import lifecycle_line
from ocinb.notebook.diagrams.svg import fit
from ocinb.spec import media_types
from ocinb.spec.lifecycle import STEPS
from ocinb.table import Table
from ocinb.trace import lifecycle

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</text><script>alert("1")</script>&'


def layers(*made_by, title="demo:1.0, linux/amd64"):
    digest = "sha256:" + "a" * 64
    rows = [
        (n, text, digest, 10**n, 10 ** (n + 1), 5, 1, n - 1, digest, digest,
         media_types.LAYER_GZIP, "/etc/motd" if n > 1 else "", None, 10**n,
         "other:1.0" if n == 1 else "")
        for n, text in enumerate(made_by, 1)
    ]  # fmt: skip
    return Table(LAYER_COLUMNS, rows, title=title)


def steps(*numbers, **more):
    events = [
        StepFinished(container="c", number=n, time=100 + n * 0.01, seconds=0.002, **more)
        for n in numbers
    ]
    return lifecycle(events, "c")


def texts(diagram):
    root = ElementTree.fromstring(diagram.svg)
    return [element.text for element in root.iter(f"{SVG}text")]


def test_the_stack_shows_each_layer_with_what_made_it_size_and_changes():
    diagram = layer_stack(layers("the base", "RUN rm /etc/motd"))
    shown = texts(diagram)
    assert {"the base", "RUN rm /etc/motd", "aaaaaaaaaaaa", "+ 5 added", "− 1 deleted"} <= {*shown}
    assert shown.index("RUN rm /etc/motd") < shown.index("the base")  # the top one first
    assert "1.00 kB" in shown


def test_the_alternative_text_tells_the_same_in_words():
    alt = layer_stack(layers("the base", "RUN rm /etc/motd")).alt
    assert "2 layers" in alt
    assert "1: the base, 10 B (5 added, 1 changed)" in alt
    assert "1 deleted" in alt


def test_the_lifecycle_shows_all_steps_the_states_and_their_times():
    diagram = lifecycle_line(steps(*range(1, 14)))
    shown = texts(diagram)
    assert {str(step.number) for step in STEPS} <= {*shown}
    assert {"creating", "created", "running", "stopped", "2.00 ms"} <= {*shown}
    assert "13 of 13 steps" in diagram.alt


def test_a_failed_step_is_named_and_later_ones_are_not_reached():
    table = lifecycle(
        [StepFinished(container="c", number=1), StepFinished(container="c", number=2, error="no")],
        "c",
    )
    diagram = lifecycle_line(table)
    assert texts(diagram).count("not reached") == 11
    assert "step 2 failed: no" in texts(diagram)
    assert "step 2 failed: no" in diagram.alt


def test_a_container_of_which_nothing_is_known_can_be_drawn():
    assert texts(lifecycle_line(steps())).count("not reached") == 13


def test_the_same_rows_give_the_same_bytes():
    assert layer_stack(layers("a", "b")).svg == layer_stack(layers("a", "b")).svg
    assert lifecycle_line(steps(1, 2, 8)).svg == lifecycle_line(steps(1, 2, 8)).svg


def test_names_from_images_are_never_markup():
    diagram = layer_stack(layers(HOSTILE, title=HOSTILE))
    assert not [e for e in ElementTree.fromstring(diagram.svg).iter() if "script" in e.tag]
    assert "<script" not in diagram.html
    assert HOSTILE[:20] in "".join(filter(None, texts(diagram)))


def test_as_html_it_is_a_figure_with_an_image_that_sanitizers_let_through():
    bundle = layer_stack(layers("a")).bundle(png=False)
    assert set(bundle) == {"text/html", "text/plain", "image/svg+xml"}
    image = r'<img alt="[^"]+"[^>]* src="data:image/svg\+xml;base64,([^"]+)"'
    source = re.search(image, bundle["text/html"])
    assert base64.b64decode(source[1]).decode() == bundle["image/svg+xml"]
    assert "<details>" in bundle["text/html"]
    assert "javascript" not in bundle["text/html"].lower()


def test_it_suits_light_and_dark_pages():
    assert "@media (prefers-color-scheme:dark)" in layer_stack(layers("a")).svg


def test_nothing_leaves_the_sheet():
    for diagram in (
        layer_stack(layers("a" * 300, "b" * 300)),
        lifecycle_line(steps(*range(1, 14))),
    ):
        root = ElementTree.fromstring(diagram.svg)
        for rect in root.iter(f"{SVG}rect"):
            assert float(rect.get("x")) >= 0
            assert float(rect.get("x")) + float(rect.get("width")) <= 800


def test_a_text_is_cut_to_its_room():
    assert fit("short", 100, 10) == "short"
    assert fit("x" * 100, 57, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("history", "shown"),
    [
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/sh -c apt-get update", "apt-get update"),
        ("RUN two\n lines", "RUN two  lines"),
        (None, "(the image does not say what made it)"),
    ],
)
def test_history_lines_are_told_without_the_builders_shell(history, shown):
    assert made_by(history) == shown


def test_a_diagram_can_be_saved(tmp_path):
    diagram = layer_stack(layers("a"))
    assert diagram.save(tmp_path / "stack.svg").read_text() == diagram.svg
    assert diagram.save(tmp_path / "stack.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(CommandError, match=r"stack.pdf: a diagram is no .pdf"):
        diagram.save(tmp_path / "stack.pdf")


def test_its_data_can_be_worked_on():
    assert list(layer_stack(layers("a", "b")).frame["layer"]) == [1, 2]

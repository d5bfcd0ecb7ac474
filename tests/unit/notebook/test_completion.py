"""Tab behind ``%oci`` in a real IPython shell."""

from __future__ import annotations

import warnings

import pytest
from IPython.core.completer import ProvisionalCompleterWarning

from ocinb.build.demo import demo_image
from ocinb.notebook.completion import words
from tests.support.shell import ipython_shell


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    with ipython_shell(tmp_path_factory.mktemp("tab")) as shell:
        session = shell.find_line_magic("oci").__self__.session
        store = session.engine.store
        store.names.set("docker.io/library/demo:latest", demo_image(store))
        session.engine.images.unpack(session.engine.images.get("demo"))
        yield shell


def tab(shell, cell):
    """The cell's text after each completion that is offered at its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ProvisionalCompleterWarning)
        found = shell.Completer.completions(cell, len(cell))
        return [cell[: each.start] + each.text for each in found]


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("%oci lay", ["%oci layers"]),
        ("%oci images --fo", ["%oci images --format"]),
        ("%oci layers de", ["%oci layers demo"]),
        ("%oci cat demo:/et", ["%oci cat demo:/etc/"]),
        ("%oci cat demo:/etc/os-", ["%oci cat demo:/etc/os-release"]),
        ("x = 1\ny = %oci layers de", ["x = 1\ny = %oci layers demo"]),
        ("%%oci run de", ["%%oci run demo"]),
        ("oci lay", ["oci layers"]),
        ("%oci expla", ["%oci explain"]),
    ],
)
def test_a_word_is_completed_where_it_stands(shell, typed, becomes):
    assert tab(shell, typed) == becomes


def test_nothing_of_pythons_is_among_it(shell):
    shell.user_ns["demolition"] = 1
    assert tab(shell, "%oci layers dem") == ["%oci layers demo"]


def test_variables_are_offered_and_looked_up_but_nothing_is_evaluated(shell):
    class Trap:
        def __str__(self):
            raise AssertionError("evaluated")

    names = {"image": "demo", "trap": Trap(), "_1": "x", "In": []}
    session = lambda: shell.find_line_magic("oci").__self__.session  # noqa: E731
    assert words("%oci layers $im", session, names) == ("$im", ["$image"])
    assert words("%oci files $image /et", session, names) == ("/et", ["/etc/"])
    assert words("%oci files $trap /et", session, names) == ("/et", [])
    assert words("%oci files {image} /et", session, names) == ("/et", [])


def test_other_lines_are_none_of_ours(shell):
    session = lambda: None  # noqa: E731
    for line in ("ocinb.pu", "print('%oci", "# %oci x", "%ocix p", "foci x"):
        assert words(line, session, {}) is None


def test_within_quotes_nothing_is_guessed(shell):
    assert words("%oci run demo sh -c 'ec", lambda: None, {}) == ("'ec", [])
    assert words("%oci run demo sh -c 'echo /et", lambda: None, {}) == ("/et", [])

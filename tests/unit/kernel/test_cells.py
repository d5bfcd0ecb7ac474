"""What a cell of the OCI kernel means."""

from __future__ import annotations

import pytest

from ocinb.kernel import cells


def unknown(word):
    return f"get_ipython().run_line_magic('oci_unknown_line', {word!r})"


@pytest.mark.parametrize(
    ("cell", "becomes"),
    [
        ("images", "%oci images"),
        ("images\nlayers demo", "%oci images\n%oci layers demo"),
        ("# a comment\n\nimages", "\n\n%oci images"),
        ("run demo \\\n  echo hi", "%oci run demo echo hi"),
        ("x = layers demo", "x = %oci layers demo"),
        ("oci images", "%oci images"),
        ("%oci images", "%oci images"),
        ("ocinb images", "%oci images"),
        ("debug", "%oci debug"),
        ("!ls", "!ls"),
        ("%config OCI", "%config OCI"),
        ("x = nonsense", "%oci x = nonsense"),
        ("%%build -t a .\nFROM demo", "%%oci build -t a .\nFROM demo"),
        ("%%oci build -t a .\nFROM demo", "%%oci build -t a .\nFROM demo"),
        ("#!image demo\necho $A", "%%oci_script demo\necho $A"),
        ("\n#! run -e A=1 demo\necho", "%%oci_script -e A=1 demo\n\necho"),
        ("#!python\n1 + 1", "#\n1 + 1"),
        ("\n#!python\n\n1 + 1", "#\n#\n\n1 + 1"),
        ("#!python\n%%time\n1", "%%time\n1"),
        ("#!python3\n", "#\n"),
        ("#!imgae demo\nrm -r /", unknown("imgae")),
        ("#!/bin/sh\nrm -r /", unknown("/bin/sh")),
        ("#!\nimages", unknown("")),
        ("", ""),
    ],
)
def test_a_cell_is_python_with_magics(cell, becomes):
    assert cells.python(cell) == becomes


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("laye", "laye"),
        ("images\ncat demo:/e", "cat demo:/e"),
        ("x = cat demo:/e", "cat demo:/e"),
        ("%oci cat demo:/e", "cat demo:/e"),
        ("run \\\ndemo", "run  demo"),
        ("#!image de", "run de"),
        ("#!run --env A de", "run --env A de"),
        ("%%build --t", "build --t"),
        ("#!image demo\nech", None),
        ("#!imgae de", None),
        ("#!python\nimport o", None),
    ],
)
def test_the_command_under_the_cursor(cell, line):
    found = cells.command_at(cell, len(cell))
    assert (found[0] if found else None) == line


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("images", "complete"),
        ("run demo \\", "incomplete"),
        ("#!image demo", "incomplete"),
        ("#!image demo\necho", "incomplete"),
        ("#!image demo\necho\n", "complete"),
        ("%%build .\nFROM demo", "incomplete"),
        ("%%build .\nFROM demo\n", "complete"),
    ],
)
def test_a_console_waits_for_the_rest_of_a_cell(cell, status):
    assert cells.status(cell) == status

"""A cell that cannot run is shown as it was recorded, and never otherwise."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from ocinb.commands.values import Live
from ocinb.course import needs, recording
from ocinb.errors import CommandError, StorageError
from ocinb.notebook import live_cells
from tests.support.shell import ipython_shell

CELL = """print("said first")
kept = ["a", 1]
%oci version
"""


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.delenv("OCINB_LANGUAGE", raising=False)
    with ipython_shell(tmp_path) as shell:
        yield shell


@pytest.fixture
def recorded(shell, tmp_path, monkeypatch, capsys):
    """A recording, made by the cell itself."""
    monkeypatch.setenv(recording.VARIABLE, str(tmp_path))
    live_cells.show(shell, Live(CELL, "", tmp_path / "07/name.json", ("kept",)))
    monkeypatch.delenv(recording.VARIABLE)
    del shell.user_ns["kept"]
    capsys.readouterr()
    return tmp_path / "07/name.json"


def test_a_recording_keeps_values_and_says_where_it_was_made(recorded):
    found = recording.read(recorded)
    # A shell without a front end prints what it shows, too.
    assert [part.kind for part in found.parts][:2] == ["stream", "table"]
    assert found.parts[0].text == "said first\n"
    assert "ocinb" in found.parts[1].table.column("component")
    assert found.machine.startswith("Linux ")
    assert found.cell == recording.digest(CELL)
    assert found.names == {"kept": ["a", 1]}


def test_it_is_shown_with_a_mark_and_the_reason(shell, recorded, capsys):
    live_cells.show(shell, Live("raise AssertionError", "no namespaces: not today", recorded, ()))
    said = capsys.readouterr().out
    head, _, rest = said.partition("\n")
    assert head.startswith("[Recorded · 20")
    assert "Not live here: no namespaces: not today." in head
    assert rest.startswith("said first\n")
    assert "image-spec" in rest
    assert shell.user_ns["kept"] == ["a", 1]


def test_a_cell_that_can_run_runs(shell, recorded, capsys):
    live_cells.show(shell, Live("print(40 + 2)\n7", "", recorded, ()))
    assert capsys.readouterr().out.split() == ["42", "7"]
    live_cells.show(shell, Live("7;", "", recorded, ()))
    assert capsys.readouterr().out == ""


def test_its_errors_are_its_own(shell, recorded):
    with pytest.raises(ZeroDivisionError):
        live_cells.show(shell, Live("1 / 0", "", recorded, ()))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"parts": [], "made": 1}'])
def test_what_is_no_recording_is_told(shell, tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(StorageError, match="no recording that can be shown"):
        live_cells.show(shell, Live("1", "not here", path, ()))
    with pytest.raises(StorageError, match="no recording"):
        live_cells.show(shell, Live("1", "not here", tmp_path / "missing.json", ()))


def test_a_frame_comes_back_with_its_kinds(shell, tmp_path, monkeypatch):
    monkeypatch.setenv(recording.VARIABLE, str(tmp_path))
    body = "import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': [None, 'x']})"
    live_cells.show(shell, Live(body, "", tmp_path / "07/frame.json", ()))
    table = recording.read(tmp_path / "07/frame.json").parts[0].table
    assert table.rows == [(1, None), (2, "x")]
    assert isinstance(table.to_frame(), pd.DataFrame)
    json.loads((tmp_path / "07/frame.json").read_text())


def test_a_need_that_nobody_knows_is_told():
    with pytest.raises(CommandError, match="there is no need 'magic'"):
        needs.missing(["magic"], None)
    assert needs.missing(["program:sh"], None) == ""
    assert needs.missing(["program:no-such-program"], None) == "no-such-program is not installed"

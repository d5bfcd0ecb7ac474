"""``%oci`` in a real IPython shell."""

from __future__ import annotations

import atexit

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from ocinb.commands.session import Session
from ocinb.commands.values import Document
from ocinb.errors import CommandError, OcinbError
from ocinb.notebook import extension
from ocinb.settings import Settings


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False  # in memory, no file
    shell = InteractiveShell(config=config)
    shell.colors = "nocolor"
    session = Session(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))
    magics = extension.load(shell, session)
    yield shell
    magics.errors.uninstall()
    atexit.unregister(shell.atexit_operations)
    shell.restore_sys_module_state()


def run(shell, cell):
    return shell.run_cell(cell, store_history=True)


def test_a_listing_is_a_dataframe_that_can_be_kept(shell):
    run(shell, "df = %oci version")
    assert isinstance(shell.user_ns["df"], pd.DataFrame)
    assert "image-spec" in list(shell.user_ns["df"]["component"])


def test_alone_on_a_line_it_is_the_cells_result(shell):
    assert isinstance(run(shell, "%oci version").result, pd.DataFrame)


def test_a_semicolon_shows_nothing_but_a_name_still_gets_the_value(shell):
    assert run(shell, "%oci version;").result is None
    shell.user_ns["which"] = "json"
    assert run(shell, "%oci version --format $which;").result is None
    run(shell, "kept = %oci version;")
    assert isinstance(shell.user_ns["kept"], pd.DataFrame)


def test_json_is_plain_python(shell):
    result = run(shell, "%oci version --format json").result
    assert result[0]["component"] == "ocinb"


def test_names_and_expressions_are_filled_in_once(shell):
    shell.user_ns["which"] = "json"
    assert isinstance(run(shell, "%oci version --format $which").result, list)
    assert isinstance(run(shell, "%oci version --format {which.lower()}").result, list)


def test_help_is_printed_and_the_shell_lives_on(shell, capsys):
    assert run(shell, "%oci pull --help").success
    assert "Usage: %oci pull" in capsys.readouterr().out


def test_an_error_is_one_sentence_a_hint_and_a_failed_cell(shell, capsys):
    result = run(shell, "%oci imags")
    assert isinstance(result.error_in_exec, CommandError)
    out = capsys.readouterr().out
    assert "CommandError: there is no command imags" in out
    assert "did you mean images?" in out
    assert "Traceback" not in out


def test_debug_shows_the_last_error_at_length(shell):
    run(shell, "%oci imags")
    assert "Traceback" in run(shell, "%oci debug").result


def test_errors_of_the_python_objects_are_short_too(shell, capsys):
    shell.user_ns["OcinbError"] = OcinbError
    run(shell, "raise OcinbError('no such thing', hint='look elsewhere')")
    out = capsys.readouterr().out
    assert "no such thing" in out
    assert "Traceback" not in out


def test_a_quote_that_is_not_closed_is_a_sentence(shell, capsys):
    assert isinstance(run(shell, "%oci pull 'x").error_in_exec, CommandError)
    assert "no closing quotation" in capsys.readouterr().out


def test_a_cells_text_belongs_to_commands_that_take_one(shell, capsys):
    result = run(shell, "%%oci version\necho hello")
    assert isinstance(result.error_in_exec, CommandError)
    assert "takes no cell" in capsys.readouterr().out


def test_values_are_shown_by_us(shell):
    plain, _ = shell.display_formatter.format(Document({"a": "<b>"}, title="a document"))
    assert '"a": "<b>"' in plain["text/plain"]
    assert "&lt;b&gt;" in plain["text/html"]
    frame = run(shell, "%oci version").result
    shown, _ = shell.display_formatter.format(frame)
    assert shown["text/plain"].startswith("COMPONENT")
    assert "<table" in shown["text/html"]


def test_warnings_stand_under_the_cell(shell, capsys):
    from ocinb.events import Warned
    from ocinb.notebook.progress import CellProgress, LinePainter

    session = shell.find_cell_magic("oci").__self__.session
    with CellProgress(session.recorder, LinePainter()):
        session.recorder(Warned(message="registry r.example: old\nimage"))
    assert capsys.readouterr().err == "warning: registry r.example: old image\n"

"""``%oci`` in a real IPython shell."""

from __future__ import annotations

import pandas as pd
import pytest
from traitlets.config import Config

from ocinb.commands.values import Document
from ocinb.errors import CommandError, OcinbError
from ocinb.notebook import extension
from tests.support.shell import ipython_shell


@pytest.fixture
def shell(tmp_path):
    with ipython_shell(tmp_path) as shell:
        yield shell


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
    run(shell, "%oci version --format json;\nother = %oci version;")
    assert isinstance(shell.user_ns["other"], pd.DataFrame)


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


def test_names_of_a_function_are_filled_in_there(shell):
    run(shell, "def g(kind):\n    x = %oci version --format $kind\n    return x")
    assert isinstance(run(shell, "g('json')").result, list)


def test_filling_in_can_be_switched_off(shell):
    shell.user_ns["which"] = "json"
    run(shell, "%config OCI.expand = False")
    result = run(shell, "%oci version --format $which")
    assert "'$which' is not one of" in str(result.error_in_exec)
    run(shell, "%config OCI.expand = True")
    assert isinstance(run(shell, "%oci version --format $which").result, list)


def test_a_doubled_dollar_is_one(shell):
    result = run(shell, "%oci nothing $$HOME")
    assert isinstance(result.error_in_exec, CommandError)
    assert "'$HOME'" in str(run(shell, "%oci version --format $$HOME").error_in_exec)


def test_a_question_mark_shows_the_help_of_a_command(shell, capsys):
    assert run(shell, "%oci layers?").success
    assert "Usage: %oci layers" in capsys.readouterr().out
    assert run(shell, "x = 1\n%oci registry up?").success
    assert "Usage: %oci registry up" in capsys.readouterr().out


def test_explain_tells_the_last_error_at_length(shell):
    run(shell, "%oci layers Demo")
    text = run(shell, "%oci explain").result
    assert text.startswith("InvalidReference: 'library/Demo' in 'Demo' is not a repository name")
    assert "what to do: repository names are lower-case: library/demo" in text
    assert "the rule: distribution-spec spec.md#pulling-manifests" in text
    assert "https://github.com/opencontainers/distribution-spec/blob/" in text
    assert "ocinb/spec/reference.py REPOSITORY" in text
    assert ", _check" in text


def test_where_names_section_code_and_test(shell):
    found = run(shell, "%oci where pulling-manifests").result
    assert "ocinb/distribution/client.py" in list(found["code"])
    assert "tests/unit/distribution/test_client.py" in list(found["test"])
    assert set(found["section"]) == {"distribution-spec spec.md#pulling-manifests"}


def test_settings_are_shown_and_change_the_session(shell, capsys, tmp_path):
    run(shell, "%config OCI")
    assert "OCINB_RUNTIME" in capsys.readouterr().out
    magics = shell.find_line_magic("oci").__self__
    run(shell, "%config OCI.runtime = 'runc'")
    assert magics.session.settings.runtime == "runc"
    run(shell, f"%config OCI.root = '{tmp_path}/elsewhere'")
    assert run(shell, "%oci images --quiet").result == []
    assert (tmp_path / "elsewhere" / "store").exists()
    with pytest.raises(CommandError, match="root is empty"):
        magics.options.root = ""


def test_the_configuration_file_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OCINB_ROWS", "7")
    monkeypatch.setenv("OCINB_PROGRESS", "0")
    config = Config()
    config.OCI.rows = 3
    with ipython_shell(tmp_path, config) as shell:
        options = shell.find_line_magic("oci").__self__.options
        assert (options.rows, options.progress, options.expand) == (3, False, True)


def test_as_many_rows_are_shown_as_was_set(shell):
    run(shell, "%config OCI.rows = 2")
    frame = run(shell, "%oci version").result
    shown, _ = shell.display_formatter.format(frame)
    assert f"the first 2 of {len(frame)} rows" in shown["text/plain"]
    assert len(frame) > 2


def test_long_listings_are_paged_and_searched_where_wished(shell):
    frame = pd.DataFrame({"name": ["</script><script>alert(1)</script>"] * 30, "size": range(30)})
    frame.attrs["ocinb"] = {"name": "text", "size": "bytes"}
    plain, _ = shell.display_formatter.format(frame)
    assert "<script" not in plain["text/html"]
    run(shell, "%config OCI.interactive = True")
    first, _ = shell.display_formatter.format(frame)
    second, _ = shell.display_formatter.format(frame)
    assert "ITable" in second["text/html"]
    assert "<script>alert(1)" not in second["text/html"]
    assert "src=" not in second["text/html"]
    assert "import(" not in second["text/html"]
    assert len(second["text/html"]) < 20_000 < len(first["text/html"])


def test_unloading_leaves_the_shell_as_it_was(tmp_path):
    with ipython_shell(tmp_path) as shell:
        extension.unload(shell)
        assert shell.find_line_magic("oci") is None
        assert not [c for c in shell.configurables if type(c).__name__ == "OCI"]
        assert not shell.Completer.custom_matchers
        assert not hasattr(OcinbError, "_render_traceback_")
        assert run(shell, "1 + 1").result == 2


def test_loading_twice_is_loading_once(tmp_path):
    with ipython_shell(tmp_path) as shell:
        extension.load(shell)
        assert len(shell.Completer.custom_matchers) == 1
        assert len([c for c in shell.configurables if type(c).__name__ == "OCI"]) == 1

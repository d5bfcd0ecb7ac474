"""Errors in a shell: one sentence, the hint below it, a status."""

from __future__ import annotations

import pytest

from ocinb.cli.errors import INTERNAL, INTERRUPTED, report
from ocinb.errors import NameNotFound


def test_an_error_is_one_sentence_and_its_hint(capsys):
    assert report(NameNotFound("no image named x", hint="pull it first")) == 1
    assert capsys.readouterr().err == "ocinb: no image named x\npull it first\n"


def test_an_error_may_bring_its_own_status(capsys):
    error = NameNotFound("no")
    error.exit_status = 127
    assert report(error) == 127


def test_a_fault_of_our_own_is_one_sentence_too(capsys):
    assert report(ValueError("two\nlines")) == INTERNAL
    assert capsys.readouterr().err.splitlines() == [
        "ocinb: internal error: ValueError: two lines",
        "set OCINB_DEBUG=1 and report it",
    ]


def test_the_traceback_comes_on_request(capsys, monkeypatch):
    monkeypatch.setenv("OCINB_DEBUG", "1")
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError
    report(caught.value)
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_no_fault(capsys):
    assert report(KeyboardInterrupt()) == INTERRUPTED
    assert capsys.readouterr().err == "ocinb: interrupted\n"


def test_a_message_of_a_registry_cannot_send_escapes(capsys):
    report(NameNotFound("bad \x1b]0;x\x07 name\nsecond"))
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert len(err.splitlines()) == 1

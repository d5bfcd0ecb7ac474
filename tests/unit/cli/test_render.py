"""Values in a shell: whole in a pipe, fitting on a terminal."""

from __future__ import annotations

import json

import pytest

from ocinb.cli import render
from ocinb.commands.values import Document, Done, Heading, Json, Lines, Picture, Text
from ocinb.layout import fitting
from ocinb.table import Table, columns

DIGEST = "sha256:" + "ef" * 32
LISTING = Table(
    columns("name digest:digest size:bytes origin?"),
    [("demo", DIGEST, 12_345, "a long origin " * 8), ("other", DIGEST, 1, "")],
)


@pytest.fixture
def terminal(monkeypatch):
    def of(width):
        monkeypatch.setattr(render, "on_terminal", lambda: True)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(width))

    return of


def shown(capsys, value):
    render.show(value)
    return capsys.readouterr().out


def test_in_a_pipe_digests_are_whole_and_no_line_is_wrapped_or_cut(capsys):
    lines = shown(capsys, LISTING).splitlines()
    assert len(lines) == 3
    assert DIGEST in lines[1]
    assert "a long origin " * 8 in lines[1] + " "


def test_on_a_terminal_digests_are_short_and_lines_fit(capsys, terminal):
    terminal(60)
    lines = shown(capsys, LISTING).splitlines()
    assert "efefefefefef" in lines[1]
    assert DIGEST not in lines[1]
    assert max(map(len, lines)) <= 60


def test_a_detail_is_left_out_where_the_terminal_is_narrow():
    assert [c.name for c in fitting(LISTING, 60)] == ["name", "digest", "size"]
    assert [c.name for c in fitting(LISTING, 300)] == ["name", "digest", "size", "origin"]


def test_names_from_images_are_never_terminal_markup(capsys, terminal):
    terminal(80)
    out = shown(capsys, Table(columns("name"), [("[red]x[/red]",), ("\x1b[31my",)]))
    assert "[red]x[/red]" in out
    assert "\x1b" not in out


def test_an_empty_listing_has_its_titles_unless_there_is_a_sentence_for_it(capsys):
    assert shown(capsys, Table(columns("name size:bytes"), [])) == "NAME  SIZE\n"
    render.show(Table(columns("name size:bytes"), [], empty="there is nothing to remove"))
    assert capsys.readouterr() == ("", "there is nothing to remove\n")


@pytest.mark.parametrize(
    ("value", "out"),
    [
        (None, ""),
        (Text("as it is\n"), "as it is\n"),
        (Lines(["a", "b"]), "a\nb\n"),
        (Heading("Part"), "\nPart\n"),
        (Done("demo", "demo is gone"), "demo\n"),
    ],
)
def test_small_values(capsys, value, out):
    assert shown(capsys, value) == out


@pytest.mark.parametrize("value", [Json({"a": [1, "ö"]}), Document({"a": [1, "ö"]})])
def test_documents_are_json(capsys, value):
    assert json.loads(shown(capsys, value)) == {"a": [1, "ö"]}


def test_a_picture_is_its_table(capsys):
    assert shown(capsys, Picture("layer_stack", LISTING)) == shown(capsys, LISTING)

"""The command tree: what is typed becomes a value, or one clear sentence."""

from __future__ import annotations

import click
import pytest

from ocinb import __version__
from ocinb.commands import tree
from ocinb.commands.session import Session
from ocinb.commands.values import Help, Json
from ocinb.errors import CommandError
from ocinb.settings import Settings
from ocinb.table import Table


@pytest.fixture
def session(tmp_path):
    return Session(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))


def commands(group=tree.root, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands())


def test_the_help_of_all_commands_fits_a_terminal(session):
    text = tree.call(["--help"], session, width=80)
    assert "..." not in text.partition("Images:")[2]
    assert max(map(len, text.splitlines())) <= 80


def test_every_command_stands_in_one_section_of_the_help(session):
    text = tree.call(["--help"], session, width=80)
    assert [name for name in tree.SECTIONS if f"\n{name}:\n" in text] == list(tree.SECTIONS)
    assert len(set(tree.COMMANDS)) == len(tree.COMMANDS)
    listed = [line for line in text.splitlines() if line[2:].split(" ")[0] in tree.COMMANDS]
    assert [line.split()[0] for line in listed] == list(tree.COMMANDS)
    columns = {len(line) - len(line[2:].partition(" ")[2].lstrip()) for line in listed}
    assert len(columns) == 1


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_a_line_of_help_and_gives_its_help_as_a_value(path, session):
    assert ALL[path].get_short_help_str(limit=200)
    text = tree.call([*path, "--help"], session)
    assert isinstance(text, Help)
    assert f"Usage: ocinb {' '.join(path)}" in text


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_is_explained(path):
    options = [p for p in ALL[path].params if isinstance(p, click.Option)]
    shown_by_values = (click.Choice, click.IntRange)
    assert [o.name for o in options if not (o.help or isinstance(o.type, shown_by_values))] == []


def test_nothing_at_all_is_answered_with_the_list_of_commands(session):
    text = tree.call([], session)
    assert all(name in text for name in tree.COMMANDS)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (["imags"], "did you mean images?"),
        (["remove"], "did you mean rm?"),
        (["unmount"], "did you mean umount?"),
        (["untag"], "did you mean rmi?"),
        (["system", "dff"], "there are ocinb system df, events, info, prune"),
        (["system"], "there are ocinb system df, events, info, prune"),
        (["qqqq"], "ocinb --help lists the commands"),
        (["registry", "dwn"], "did you mean down?"),
        (["images", "--formt", "json"], "did you mean --format?"),
        (["images", "--qqqqqq"], "ocinb images --help lists its options"),
        (["pull"], "ocinb pull --help shows what it takes"),
    ],
)
def test_what_is_not_known_suggests_the_nearest(typed, hint, session):
    with pytest.raises(CommandError) as caught:
        tree.call(typed, session)
    assert caught.value.hint == hint
    assert "\n" not in caught.value.message
    assert not caught.value.message.endswith(".")


@pytest.mark.parametrize(
    ("long", "short"),
    [("image ls", "images"), ("container list", "ps"), ("system df", "usage")],
)
def test_commands_have_the_long_forms_of_docker_and_podman(long, short, session):
    assert tree.call([*long.split(), "--format", "json"], session).value == (
        tree.call([short, "--format", "json"], session).value
    )
    assert f"Usage: ocinb {short} " in tree.call([*long.split(), "--help"], session)


def test_every_long_form_leads_to_a_command():
    words = [words for below in tree.LONG_FORMS.values() for words in below.values()]
    assert {first for first, *_ in words} <= set(tree.COMMANDS)
    assert not set(tree.LONG_FORMS) & set(tree.COMMANDS)


def test_the_version_is_an_option_too(session):
    assert tree.call(["--version"], session) == f"ocinb {__version__}"


def test_help_and_hints_name_the_program_as_it_was_called(session):
    assert "Usage: %oci pull" in tree.call(["pull", "--help"], session, program="%oci")
    with pytest.raises(CommandError) as caught:
        tree.call(["pull"], session, program="%oci")
    assert caught.value.hint == "%oci pull --help shows what it takes"


def test_a_listing_is_a_table_and_json_on_request(session):
    table = tree.call(["version"], session)
    assert isinstance(table, Table)
    json = tree.call(["version", "--format", "json"], session)
    assert isinstance(json, Json)
    assert json.value == table.records()


def test_other_directories_can_be_named(session, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    assert not tree.call(["--root", str(elsewhere), "images"], session).rows
    assert (elsewhere / "store" / "oci-layout").exists()
    assert not (tmp_path / "root").exists()


def test_commands_never_print(session, capsys):
    tree.call(["version"], session)
    tree.call(["images"], session)
    tree.call(["--help"], session)
    with pytest.raises(CommandError):
        tree.call(["nothing"], session)
    assert capsys.readouterr() == ("", "")

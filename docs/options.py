"""Makes ``docs/options.md``: option of ``run``, ``create`` and ``bundle`` → field of config.json.

    python docs/options.py

It reads the options themselves, so the table is never written by hand; a test holds that the
committed file is what this program makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from ocinb.bundle.explanations import EXPLANATIONS
from ocinb.bundle.field_path import known
from ocinb.commands import container_options, tree
from ocinb.commands.field_option import FieldOption
from ocinb.spec.versions import RUNTIME_SPEC

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "options.md"

_REPOSITORY = "https://github.com/opencontainers/runtime-spec/blob/v{version}/{place}"
_TITLES = {
    "process_options": "The process",
    "filesystem_options": "What it sees as files",
    "resource_options": "Limits, also those of `update`",
    "isolation_options": "What keeps it apart",
    "network_options": "Network",
    "document_options": "For others to read",
}


def table() -> str:
    """The text of the document."""
    lines = [
        "# Which field of config.json an option sets",
        "",
        "Made by `python docs/options.py` from the options of `run`, `create` and `bundle`. "
        "`ocinb run --show-config` shows the whole document, `ocinb bundle explain FIELD` what a "
        "field does.",
    ]
    for subject in container_options.SUBJECTS:
        name = subject.__name__.rpartition(".")[2]
        lines += ["", f"## {_TITLES[name]}", "", "| option | | fields |", "|---|---|---|"]
        lines += [_row(option) for option in subject.OPTIONS]
    lines += [
        "",
        "## What only the engine reads",
        "",
        "| option | | commands |",
        "|---|---|---|",
    ]
    return "\n".join([*lines, *_engine_rows()]) + "\n"


def _row(option: FieldOption) -> str:
    sets = "<br>".join(_linked(field) for field in option.sets) or "the hooks of the network"
    return f"| {_typed(option)} | {_cell(option.help)} | {sets} |"


def _engine_rows() -> Iterator[str]:
    taken: dict[str, list[str]] = {}
    options: dict[str, click.Option] = {}
    for name in ("run", "create"):
        command = tree.root.get_command(click.Context(tree.root), name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and not isinstance(option, FieldOption):
                taken.setdefault(_typed(option), []).append(f"`{name}`")
                options[_typed(option)] = option
    for typed, commands in taken.items():
        yield f"| {typed} | {_cell(options[typed].help)} | {', '.join(commands)} |"


def _typed(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.type.name.upper()}"
    return f"`{', '.join(option.opts)}{value}`".replace("|", "\\|")


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _linked(field: str) -> str:
    place = EXPLANATIONS[known(field) or field].citation.removeprefix("runtime-spec ")
    return f"[`{field}`]({_REPOSITORY.format(version=RUNTIME_SPEC, place=place)})"


if __name__ == "__main__":
    TABLE.write_text(table())

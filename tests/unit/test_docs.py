"""The documents that say where things are say what is there."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click

from ocinb.commands import tree
from tests.bench import report

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/how-to/*.md"))
_BLOCK = re.compile(r"^```(?:console|ipython3|python|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TYPED = re.compile(r"(?:\$ |.*= )?(?:ocinb|%%?oci) (?P<words>.*?)(?:  +#.*)?$")


def program(name: str) -> ModuleType:
    """A program of ``docs``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_index_of_specification_sections_is_what_the_docstrings_say() -> None:
    made = program("spec_index")
    assert made.INDEX.read_text() == made.index(), "run: python docs/spec_index.py"


def test_the_table_of_options_is_what_the_options_say() -> None:
    made = program("options")
    assert made.TABLE.read_text() == made.table(), "run: python docs/options.py"


def test_the_table_of_attacks_is_what_the_attacks_say() -> None:
    made = program("security")
    assert made.TABLE.read_text() == made.table(), "run: python docs/security.py"


def test_the_table_of_what_is_live_is_what_the_lessons_say() -> None:
    made = program("live")
    assert made.TABLE.read_text() == made.table(), "run: python docs/live.py"


def test_the_tables_of_figures_are_what_the_figures_say() -> None:
    figures = json.loads((ROOT / "docs/benchmarks.json").read_text())
    again = "run: python -m tests.bench.report docs/benchmarks.json --markdown docs/benchmarks.md"
    assert (ROOT / "docs/benchmarks.md").read_text() == report.as_markdown(figures), again


def test_every_file_that_the_documents_name_exists() -> None:
    for document in (*ROOT.glob("docs/*.md"), ROOT / "README.md"):
        for name in re.findall(
            r"`((?:ocinb|docs|notebooks|tests)/[\w/.-]+)`", document.read_text()
        ):
            assert (ROOT / name).exists(), f"{document.name} names {name}"


def typed() -> Iterator[tuple[str, str]]:
    """What the documents type: the document, and a command with its words."""
    for document in DOCUMENTS:
        for block in _BLOCK.findall(document.read_text()):
            for line in map(str.strip, block.splitlines()):
                if found := _TYPED.match(line):
                    yield from ((document.name, part) for part in found["words"].split("; ocinb "))


def test_every_command_that_the_documents_type_is_there_with_its_options() -> None:
    lines = list(typed())
    assert len(lines) > 80
    for document, line in lines:
        words = line.replace("'", "").replace('"', "").split()
        command, context = tree.root, click.Context(tree.root)
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(context, words[0])
            if found is None:  # a word of a command that is a group, too, or none at all
                break
            command, context, words = found, click.Context(found, parent=context), words[1:]
        assert command is not tree.root or words[0] == "--help", f"{document} types {line}"
        known = {name for one in command.get_params(context) for name in one.opts}
        known |= {name for one in command.get_params(context) for name in one.secondary_opts}
        own = words[: words.index("--")] if "--" in words else words
        for word in own:
            if word.startswith("--"):
                assert word.partition("=")[0] in known, f"{document} types {line}"

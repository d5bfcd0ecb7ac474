"""The pages of the reference, from the code: commands, Python, events, tables of columns."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import click

import ocinb
from ocinb import table
from ocinb.commands import tree
from ocinb.events import Event
from ocinb.spec.lifecycle import CREATED_AFTER, STEPS
from ocinb.spec.runtime_state import CREATED

_OBJECTS = ("Image", "Container", "Registry", "Build")
_FUNCTIONS = ("pull", "run", "diagram")


def pages() -> dict[str, str]:
    """Name of the page → its text in MyST Markdown."""
    return {
        "commands": _commands(),
        "python": _python(),
        "events": _events(),
        "tables": _tables(),
        "lifecycle": _lifecycle(),
    }


def _commands() -> str:
    text = ["# Commands", "", "`ocinb NAME …` in a shell, `%oci NAME …` in a notebook.", ""]
    for section, names in tree.SECTIONS.items():
        text += [f"## {section}", ""]
        context = click.Context(tree.root)
        for name in names:
            found = tree.root.get_command(context, name)
            assert found is not None
            for path, command in _leaves(found, (name,)):
                context = click.Context(command, info_name=" ".join(("ocinb", *path)))
                shown = command.get_help(context)
                text += [f"### {' '.join(path)}", "", "```text", shown, "```", ""]
    return "\n".join(text)


def _leaves(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _leaves(found, (*path, name))


def _python() -> str:
    text = ["# Python", "", "```{eval-rst}"]
    text += [f".. autofunction:: ocinb.{name}\n" for name in _FUNCTIONS]
    for name in _OBJECTS:
        text.append(f".. autoclass:: ocinb.{name}\n   :members:\n   :member-order: bysource\n")
    return "\n".join([*text, "```", ""])


def _lifecycle() -> str:
    text = [
        "# The lifecycle",
        "",
        "Thirteen steps, four states. The runtime executes this table; the pictures draw it.",
        "",
        "| step | what happens | operation | who | a failure is | status after |",
        "|---|---|---|---|---|---|",
    ]
    for step in STEPS:
        after = CREATED if step.number == CREATED_AFTER else step.status_after
        words = (step.title, step.operation, step.actor, step.failure, after)
        text.append(f"| {step.number} | {' | '.join(words)} |")
    return "\n".join([*text, ""])


def _events() -> str:
    text = [
        "# Events",
        "",
        "What happens is told as one of these, each with the `time` of its recording in seconds "
        "since the epoch. Tables, pictures and progress are made of them.",
        "",
    ]
    for name, kind in sorted(_kinds_of_events().items()):
        text += [f"## {name}", "", inspect.getdoc(kind) or "", "", "| field | type |", "|---|---|"]
        for field, annotation in kind.__annotations__.items():
            text.append(f"| `{field}` | `{str(annotation).replace('|', chr(92) + '|')}` |")
        text.append("")
    return "\n".join(text)


def _kinds_of_events() -> dict[str, type[Event]]:
    for module in _modules():
        if "(Event)" in _source(module):
            importlib.import_module(module)
    found = {}
    queue = list(Event.__subclasses__())
    while queue:
        kind = queue.pop()
        found[kind.__name__] = kind
        queue += kind.__subclasses__()
    return found


def _tables() -> str:
    text = [
        "# Tables",
        "",
        "Every command that lists something gives a `pandas.DataFrame` with the same plain columns "
        "each time; numbers are bytes and seconds, times are `datetime64[ns, UTC]`.",
        "",
    ]
    for module in _modules():
        source = _source(module)
        if "_COLUMNS = columns(" in source:
            text += _tables_of(module, source)
    return "\n".join(text)


def _tables_of(module: str, source: str) -> Iterator[str]:
    names = importlib.import_module(module)
    body = ast.parse(source).body
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        name = statement.targets[0].id
        if not name.endswith("_COLUMNS") or name.startswith("_"):
            continue
        yield from (f"## {name.removesuffix('_COLUMNS').replace('_', ' ').lower()}", "")
        yield from (f"`{module}.{name}`", "")
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            yield from (str(following.value.value).replace("``", "`"), "")
        yield from ("| column | kind |", "|---|---|")
        for column in getattr(names, name):
            yield f"| `{column.name}` | {_KINDS.get(column.kind, column.kind)} |"
        yield ""


_KINDS = {"text": "text", "int": "integer", "clock": "time", "duration": "seconds"}
assert set(_KINDS) <= set(table.KINDS)


def _modules() -> list[str]:
    return sorted(
        module.name for module in pkgutil.walk_packages(ocinb.__path__, "ocinb.", onerror=_ignore)
    )


def _ignore(_name: str) -> None:
    """A package whose import needs what is not installed here has no table of its own."""


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec and spec.origin
    with open(spec.origin, encoding="utf-8") as file:
        return file.read()

"""No module of the package imports itself by way of others, not even for its types alone."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ocinb

PACKAGE = Path(ocinb.__file__).parent


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {whole if whole in known else node.module for whole in names.values()}
    return found & known.keys()


def test_imports_do_not_lead_in_circles() -> None:
    known = modules()
    # The package itself is the public door on top of all; a room asks it for its version only.
    graph = {name: imported(path, known) - {name, "ocinb"} for name, path in known.items()}
    assert "ocinb.engine.settle" in graph["ocinb.engine.engine"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" ← ".join(error.args[1]))

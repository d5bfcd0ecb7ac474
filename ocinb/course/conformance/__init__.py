"""How far an OCI runtime gets: rules of the runtime specification, and who keeps them.

A runtime is put through a few lives (``lives``) by its command line (``driver``), in a process of
its own that ends whatever is left; ``rules`` judge what was seen. Rules and words are far from all
of the specification: runtime-tools has more. These are short enough to be read in a lesson.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.course.conformance.rootfs import make_bundle
from ocinb.course.conformance.rules import PARTS, RULES, Rule
from ocinb.course.words import Words, language
from ocinb.engine.runtime_process import find_runtime
from ocinb.errors import CommandError, UnsupportedHost
from ocinb.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEPT, BROKEN = "✓", "✗"
_COLUMNS = (Column(name="part"), Column(name="rule"), Column(name="section", detail=True))
_PATIENCE = 300
"""Seconds for all lives of one runtime; each of its operations has its own limit."""


def conformance(runtimes: Sequence[str], parts: Iterable[str] = ()) -> Table:
    """A row for each rule, a column for each runtime: ``✓``, or ``✗`` and what is wrong.

    Args:
        runtimes: ``ocinb``, ``runc``, ``crun``, or paths.
        parts: of the rules, names in ``rules.PARTS``; none: all.

    Raises:
        CommandError: there is no such part.
        UnsupportedHost: there is no such runtime, or no bundle can be made here.
    """
    rules = _rules(parts)
    names = _names(runtimes)
    look = partial(faults, rules=rules)
    with ThreadPoolExecutor(max_workers=2) as pool:
        found = dict(zip(names, pool.map(look, runtimes), strict=True))
    spoken = language()
    rows = [
        (rule.part, rule.text[spoken], rule.section, *(_cell(found[n][i], spoken) for n in names))
        for i, rule in enumerate(rules)
    ]
    scores = [f"{n} keeps {sum(fault is None for fault in found[n])}" for n in names]
    return Table(
        (*_COLUMNS, *(Column(name=name) for name in names)),
        rows,
        title=f"of {len(rules)} rules {', '.join(scores)}",
        exit_status=int(any(fault is not None for name in names for fault in found[name])),
        key="rule",
        wrap=True,
    )


def faults(runtime: str, rules: Sequence[Rule] = RULES) -> list[Words | None]:
    """What is wrong with a runtime, for each rule; None where it is kept.

    Raises:
        UnsupportedHost: as ``conformance``.
    """
    program = find_runtime(runtime, "")
    with tempfile.TemporaryDirectory(prefix="ocinb-conformance-") as place:
        make_bundle(Path(place))
        lives = sorted({rule.life for rule in rules})
        seen = _put_through(list(program.argv), lives, place)
    return [rule.verdict(seen[rule.life]) for rule in rules]


def _rules(parts: Iterable[str]) -> list[Rule]:
    wanted = list(parts)
    for part in wanted:
        if part not in PARTS:
            raise CommandError(f"no rules are called {part}", hint=f"there are {', '.join(PARTS)}")
    return [rule for rule in RULES if not wanted or rule.part in wanted]


def _names(runtimes: Sequence[str]) -> list[str]:
    """Short names for columns; with the directory where two would be the same."""
    short = [Path(runtime).name for runtime in runtimes]
    if len(set(runtimes)) < len(runtimes):
        raise CommandError("a runtime is named twice", hint="name each runtime once")
    return [
        name if short.count(name) == 1 and name not in ("part", "rule", "section") else whole
        for name, whole in zip(short, runtimes, strict=True)
    ]


def _put_through(argv: list[str], lives: list[str], place: str) -> dict[str, Any]:
    worker = [sys.executable, "-m", "ocinb.course.conformance"]
    order = json.dumps({"argv": argv, "lives": lives, "directory": place})
    try:
        done = subprocess.run(
            worker, input=order, capture_output=True, text=True, check=True, timeout=_PATIENCE
        )
    except (subprocess.SubprocessError, OSError) as error:
        said = (getattr(error, "stderr", "") or "").strip().splitlines()
        raise UnsupportedHost(f"the rules could not be tried: {(said or [error])[-1]}") from error
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _cell(fault: Words | None, spoken: str) -> str:
    return KEPT if fault is None else f"{BROKEN} {fault[spoken]}"

"""Two things side by side: images, containers, or the config.json of bundles."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from ocinb.bundle.diff import MISSING, diff
from ocinb.insight.compare import diff_table, fields
from ocinb.table import Table, columns, human_bytes, human_duration, one_line, short_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ocinb.engine.trials.trial import Trial
    from ocinb.insight.contents import Contents
    from ocinb.spec.descriptor import Descriptor

COMPARISON_COLUMNS = columns("subject name one other same one_took:duration? other_took:duration?")
"""``subject``: what kind of row it is: fact, layer, config, files, step, call or field; ``one`` and
``other`` in words, empty where that side has none; ``same``: ``yes``, ``no``, or empty for what
is never the same; the seconds that a step took on either side."""

Row = tuple[str, str, str, str, str] | tuple[str, str, str, str, str, float | None, float | None]


def compare_documents(one: Any, other: Any, names: tuple[str, str]) -> Table:
    """The fields in which two config.json differ."""
    rows: list[Row] = [("field", path, _json(a), _json(b), "no") for path, a, b in diff(one, other)]
    return _table(rows, names)


def compare_bundles(one: Path, other: Path) -> Table:
    """As ``compare_documents``, of two directories.

    Raises:
        BundleError: there is no config.json. InvalidConfig: it is not JSON.
    """
    from ocinb.bundle.validate import read_config

    return compare_documents(read_config(one), read_config(other), (str(one), str(other)))


def compare_images(
    contents: tuple[Contents, Contents],
    configs: tuple[Mapping[str, Any], Mapping[str, Any]],
    layers: tuple[Sequence[Descriptor], Sequence[Descriptor]],
    names: tuple[str, str],
) -> Table:
    """Layers from the base up, fields of the config, and what the files come to."""
    rows = [*_layers(contents, layers)]
    before, after = (dict(fields(config)) for config in configs)
    for name in sorted(before.keys() | after.keys()):
        rows.append(_row("config", name, before.get(name, ""), after.get(name, "")))
    rows += _files(contents)
    return _table(rows, names)


def compare_runs(
    facts: tuple[Mapping[str, str], Mapping[str, str]],
    steps: tuple[Table, Table],
    configs: tuple[Any, Any],
    names: tuple[str, str],
) -> Table:
    """Two containers: facts, how long each step took, and where their config.json differ."""
    rows: list[Row] = [_row("fact", key, facts[0][key], facts[1][key]) for key in facts[0]]
    for first, second in zip(steps[0].records(), steps[1].records(), strict=True):
        told = [
            "not reached" if step["started"] is None else human_duration(step["took"] or 0.0)
            for step in (first, second)
        ]
        name = f"{first['step']} {first['title']}"
        rows.append(("step", name, told[0], told[1], "", first["took"], second["took"]))
    rows += [("field", path, _json(a), _json(b), "no") for path, a, b in diff(*configs)]
    return _table(rows, names)


def compare_trials(one: Trial, other: Trial, facts: Mapping[str, str]) -> Table:
    """One bundle by two runtimes: what came of it, how long each operation took, the calls.

    Args:
        facts: about the bundle, which are the same for both.

    Spec: runtime-spec runtime.md#operations
    """
    rows: list[Row] = [_row("fact", key, value, value) for key, value in facts.items()]
    rows.append(("fact", "version", one.version, other.version, ""))
    outputs = (one.output, other.output)
    told = [_line(output) for output in outputs]
    if outputs[0] != outputs[1] and told[0] == told[1]:
        told = [f"{human_bytes(len(output))}, not the same" for output in outputs]
    rows.append(_row("fact", "what the program wrote", *told))
    rows.append(_row("fact", "exit status", *(_exit_status(each) for each in (one, other))))
    rows += [
        _row("fact", f"status after {_AFTER[name]}", one.statuses[name], other.statuses[name])
        for name in _AFTER
    ]
    for name, title in _OPERATIONS.items():
        took = one.seconds[name], other.seconds[name]
        rows.append(("step", title, human_duration(took[0]), human_duration(took[1]), "", *took))
    rows += _calls(one.calls, other.calls)
    return _table(rows, (one.runtime, other.runtime))


def _calls(one: Mapping[str, Counter[str]], other: Mapping[str, Counter[str]]) -> Iterator[Row]:
    if not one or not other:
        return
    for operation in one:
        told = [f"{sum(calls[operation].values()):,}" for calls in (one, other)]
        yield _row("call", f"all calls of {operation}", *told)
    sums = [sum(each.values(), start=Counter()) for each in (one, other)]
    for call in _THAT_MAKE:
        if sums[0][call] or sums[1][call]:
            yield _row("call", call, *(str(each[call] or "") for each in sums))


def _exit_status(trial: Trial) -> str:
    return "killed, it went on too long" if trial.exit_status is None else str(trial.exit_status)


def _line(output: bytes) -> str:
    """The first line, and how many more there are."""
    lines = output.decode(errors="replace").splitlines() or ["nothing"]
    more = f" … and {len(lines) - 1} more lines" if len(lines) > 1 else ""
    return one_line(lines[0]) + more


_OPERATIONS = {
    "create": "create, steps 1 to 5",
    "start": "start, steps 6 to 9",
    "program": "the program until its end, step 10",
    "delete": "delete, steps 11 to 13",
}
_AFTER = {"create": "create", "program": "the program's end"}
_THAT_MAKE = (
    "clone", "clone3", "fork", "vfork", "execve", "unshare", "setns", "mount", "umount2",
    "open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr", "pivot_root", "chroot",
    "mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat", "sethostname", "setdomainname",
    "setrlimit", "prlimit64", "capset", "setgroups", "setuid", "setgid", "setresuid", "setresgid",
    "seccomp", "keyctl", "prctl", "bpf",
)  # fmt: skip
"""System calls that make a container what it is, in about the order in which they come."""


def _table(rows: Sequence[Row], names: tuple[str, str]) -> Table:
    filled = [(*row, None, None)[: len(COMPARISON_COLUMNS)] for row in rows]
    return Table(COMPARISON_COLUMNS, filled, title=f"{names[0]} and {names[1]}", key="name")


def _row(subject: str, name: str, one: str, other: str) -> Row:
    return subject, name, one, other, "yes" if one == other else "no"


def _layers(
    contents: tuple[Contents, Contents],
    layers: tuple[Sequence[Descriptor], Sequence[Descriptor]],
) -> Iterator[Row]:
    ids = contents[0].diff_ids, contents[1].diff_ids
    for number in range(max(map(len, ids))):
        shown = ["", ""]
        for side in (0, 1):
            if number < len(ids[side]):
                size = human_bytes(layers[side][number].size)
                shown[side] = f"{short_digest(ids[side][number])}, {size}"
        same = all(number < len(each) for each in ids) and ids[0][number] == ids[1][number]
        yield "layer", f"layer {number + 1}", shown[0], shown[1], "yes" if same else "no"


def _files(contents: tuple[Contents, Contents]) -> Iterator[Row]:
    found = [row for row in diff_table(*contents).records() if row["subject"] == "file"]
    for change, name in (("removed", "only in one"), ("added", "only in the other")):
        rows = [row for row in found if row["change"] == change]
        words = _paths(len(rows)) + f", {human_bytes(abs(sum(row['grows'] for row in rows)))}"
        shown = (words, "") if change == "removed" else ("", words)
        if rows:
            yield "files", name, *shown, "no"
    changed = [row for row in found if row["change"] == "changed"]
    if changed:
        grows = sum(row["grows"] for row in changed)
        sign = "+" if grows >= 0 else "−"
        words = _paths(len(changed))
        more = f"{words}, {sign}{human_bytes(abs(grows))}"
        yield "files", "in both, but not the same", words, more, "no"
    alike = len(contents[0].stack.shown) - len(found) + sum(r["change"] == "added" for r in found)
    yield "files", "the same in both", _paths(alike), _paths(alike), "yes"


def _paths(count: int) -> str:
    return f"{count:,} path{'' if count == 1 else 's'}"


def _json(value: Any) -> str:
    return "" if value is MISSING else json.dumps(value, ensure_ascii=False)

"""Listings of files: of the stack, of one layer, and as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.errors import LayerError
from ocinb.insight.contents import mode_text, shown_path
from ocinb.insight.patterns import clean, compiled, is_pattern
from ocinb.layer.changeset import WHITEOUT
from ocinb.layer.index import KIND_OF
from ocinb.layer.stack import Place
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ocinb.insight.contents import Contents

FILE_COLUMNS = columns(
    "mode uid:int gid:int size:bytes modified:time layer:int path target kind? xattrs? implied?"
)
"""``size`` is None for what is no regular file; ``layer`` counts from the base, 1; ``target`` of
a symbolic link, of a hard link the name that the archive has first, of a device its numbers;
``kind`` as ``changeset.KINDS``, a directory that hides lower ones is ``opaque``; ``implied``:
``yes`` for a directory that the archive itself does not name."""

TREE_COLUMNS = columns("tree size:bytes files:int layer:int path? kind?")
"""``size`` and ``files`` count what lies beneath a directory, with all names of a file as one;
``layer`` is the one whose entry is seen."""


def files_table(
    contents: Contents, patterns: Sequence[str] = (), layer: int | None = None, title: str = ""
) -> Table:
    """The files of the stack, or of one layer with its whiteouts.

    Args:
        patterns: paths, each with all that lies beneath it, or patterns; see
            ``patterns.compiled``. None: everything.
        layer: its number, the base being 1.

    Raises:
        LayerError: there is no such layer, or no such path.
    """
    if layer is None:
        places = _of_stack(contents, patterns)
    else:
        index = contents.layer(layer)
        wanted = _chooser(patterns)
        places = (Place(layer - 1, n) for n, path in enumerate(index.paths) if wanted(path))
    rows = [file_row(contents, place) for place in places]
    if not rows and layer is not None and patterns:
        raise LayerError(f"layer {layer} has nothing at {', '.join(patterns)}")
    return Table(FILE_COLUMNS, rows, title=title, key="path")


def _of_stack(contents: Contents, patterns: Sequence[str]) -> Iterator[Place]:
    stack = contents.stack
    if not patterns:
        return (stack.shown[path] for path in stack.beneath(""))
    chosen: set[str] = set()
    for pattern in patterns:
        if is_pattern(pattern) and clean(pattern) not in stack.shown:
            matches = compiled(pattern).fullmatch
            chosen.update(path for path in stack.shown if matches(path))
            continue
        path = clean(pattern)
        chosen.update(stack.beneath(path if path in stack.shown else stack.resolve(pattern)))
    return (stack.shown[path] for path in stack.beneath("") if path in chosen)


def _chooser(patterns: Iterable[str]) -> Callable[[str], bool]:
    tests: list[Callable[[str], Any]] = []
    for pattern in patterns:
        if is_pattern(pattern):
            tests.append(compiled(pattern).fullmatch)
        else:
            tests.append(_Beneath(clean(pattern)))
    return lambda path: not tests or any(test(path) for test in tests)


class _Beneath:
    def __init__(self, path: str) -> None:
        self._path = path
        self._prefix = f"{path}/" if path else ""

    def __call__(self, path: str) -> bool:
        return path == self._path or path.startswith(self._prefix)


def file_row(contents: Contents, place: Place) -> tuple[Any, ...]:
    """A row of ``FILE_COLUMNS``."""
    stack = contents.stack
    row = stack.row(place)
    hard = row.kind == "hardlink"
    real = KIND_OF[stack.kind(stack.inode(place))] if hard else row.kind
    gone = row.kind == WHITEOUT
    xattrs = stack.layers[place.layer].xattrs.get(place.row)
    return (
        mode_text(row, real),
        None if gone else row.uid,
        None if gone else row.gid,
        row.size if real == "file" else None,
        None if gone else row.mtime / 1e9,
        place.layer + 1,
        shown_path(row.path),
        shown_path(row.target) if hard else shown_path(row.target)[1:],
        "opaque" if row.opaque else row.kind,
        ", ".join(sorted(xattrs)) if xattrs else "",
        "yes" if row.implied else "",
    )


def tree_table(
    contents: Contents, path: str = "/", depth: int | None = 2, title: str = ""
) -> Table:
    """A directory of the stack with what is in it, drawn as a tree.

    Args:
        depth: levels of directories that are opened; None: all.

    Raises:
        LayerError: nothing is there.
    """
    start = contents.stack.resolve(path)
    sums = totals(contents, start)
    rows: list[tuple[Any, ...]] = []
    # An image without layers has no root.
    waiting = [(start, "", "", 0)] if start in contents.stack.shown else []
    while waiting:
        here, lead, indent, level = waiting.pop()
        place = contents.stack.shown[here]
        name = shown_path(here) if not level else shown_path(here).rpartition("/")[2]
        kind = KIND_OF[contents.stack.kind(place)]
        size, count = sums[here]
        mark = "/" if kind == "directory" and here and level else ""
        number = place.layer + 1
        rows.append((f"{lead}{name}{mark}", size, count, number, shown_path(here), kind))
        if depth is not None and level >= depth:
            continue
        names = contents.stack.children(here)
        below = (
            [
                (
                    f"{here}/{child}" if here else child,
                    f"{indent}{'└── ' if last else '├── '}",
                    f"{indent}{'    ' if last else '│   '}",
                    level + 1,
                )
                for child, last in zip(names, [False] * (len(names) - 1) + [True], strict=True)
            ]
            if names
            else []
        )
        waiting += reversed(below)
    return Table(TREE_COLUMNS, rows, title=title, key="path")


def totals(contents: Contents, start: str) -> dict[str, tuple[int, int]]:
    """Path → bytes and number of the files at and beneath it; a file with two names once."""
    stack = contents.stack
    sums: dict[str, tuple[int, int]] = {}
    seen: set[Place] = set()
    paths = list(stack.beneath(start))
    for path in paths:
        place = stack.inode(stack.shown[path])
        size = 0
        if stack.kind(place) == "f" and place not in seen:
            size = stack.layers[place.layer].sizes[place.row]
        seen.add(place)
        sums[path] = size, int(stack.kind(place) != "d")
    for path in reversed(paths):
        if path != start:
            parent = path.rpartition("/")[0]
            (size, count), (more, others) = sums[parent], sums[path]
            sums[parent] = size + more, count + others
    return sums

"""Which layer put a path there, which hid it, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.errors import LayerError
from ocinb.insight.contents import shown_path
from ocinb.insight.patterns import clean
from ocinb.layer.stack import DELETED, Place
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.insight.contents import Contents

WHY_COLUMNS = columns(
    "layer:int says seen size:bytes at_rest:bytes contributed:bytes cumulative:bytes by created_by"
)
"""A row for each layer that has a say about a path, from the base, 1, up.

``says``: ``adds``, ``replaces``, ``lists again`` (a directory), ``deletes``, ``hides`` (with an
opaque directory or something that is no directory at or above it), ``beneath`` (only what lies
under it); ``seen``: whether this layer's entry is what the container sees; ``size``: of this
layer's own file at the path. The three sizes take in everything beneath a directory:
``contributed`` is what this layer has there, ``at_rest`` how much of that is seen in the end,
``cumulative`` all layers' contributions up to this one, which is what is stored and downloaded.
``by``: the path in that layer that says so.
"""

ORIGIN_COLUMNS = columns("path layer:int kind hides whiteouts size:bytes?")
"""``layer``: whose entry is seen, None where nothing is; ``hides``: the layers whose entries are
not seen there; ``whiteouts``: the layers that delete what was there. Numbers from the base, 1."""


def why_table(
    contents: Contents, path: str, history: Sequence[str], title: str = "", *, every: bool = False
) -> Table:
    """What each layer says about a path.

    Args:
        path: as in the container. Links are not followed, unless the path leads nowhere without:
            the question is about names.
        history: the line that made each layer, bottom to top.
        every: also layers that have no say about it, with ``says`` empty.

    Raises:
        LayerError: no layer knows it.
    """
    real = _known(contents, path)
    beneath = _sizes(contents, real)
    rows: list[tuple[Any, ...]] = []
    cumulative = 0
    there = False
    for number in range(len(contents.stack.layers)):
        says, by, there = _says(contents, real, number, there, number in beneath)
        contributed, at_rest = beneath.get(number, (0, 0))
        cumulative += contributed
        if not says and not every:
            continue
        place = contents.stack.shown.get(real)
        index = contents.stack.layers[number]
        row = index.numbers.get(real)
        own = row is not None and index.kinds[row] in "fh"
        rows.append(
            (
                number + 1, says, "yes" if place and place.layer == number else "",
                index.sizes[row] if own and row is not None else None,
                at_rest, contributed, cumulative, shown_path(by),
                history[number] if number < len(history) else "",
            )
        )  # fmt: skip
    return Table(WHY_COLUMNS, rows, title=title, key="layer")


def _known(contents: Contents, path: str) -> str:
    name = clean(path)
    if name in contents.stack.mentions or name in contents.stack.lost:
        return name
    try:
        return contents.stack.resolve(path, follow=False)
    except LayerError as error:
        raise LayerError(f"no layer of the image has /{name}") from error


def _says(
    contents: Contents, path: str, number: int, there: bool, beneath: bool
) -> tuple[str, str, bool]:
    """What a layer says, the path by which it does, and whether something is there after it."""
    stack = contents.stack
    index = stack.layers[number]
    loss = next((x for x in stack.lost.get(path, ()) if x.layer == number), None)
    row = index.numbers.get(path)
    kind = index.kinds[row] if row is not None else ""
    if kind == "w":
        return "deletes", path, False
    if kind:
        if loss is not None:
            return "replaces", loss.by if loss.by != path else path, True
        return ("lists again" if there else "adds"), path, True
    if loss is not None:
        whiteout = index.numbers.get(loss.by)
        plain = whiteout is not None and index.kinds[whiteout] == "w"
        return ("deletes" if plain else "hides"), loss.by, False
    return ("beneath" if beneath else ""), path, there


def _sizes(contents: Contents, path: str) -> dict[int, tuple[int, int]]:
    """Number of a layer → bytes of its files at or beneath a path, and those of them seen."""
    stack = contents.stack
    prefix = f"{path}/" if path else ""
    found: dict[int, tuple[int, int]] = {}
    for number, index in enumerate(stack.layers):
        counted: dict[Place, bool] = {}
        for row, name in enumerate(index.paths):
            if (name == path or name.startswith(prefix)) and index.kinds[row] in "fh":
                first = stack.inode(Place(number, row))
                seen = stack.shown.get(name) == Place(number, row)
                counted[first] = counted.get(first, False) or seen
        if counted:
            sizes = [(index.sizes[first.row], seen) for first, seen in counted.items()]
            found[number] = sum(s for s, _ in sizes), sum(s for s, seen in sizes if seen)
    return found


def origin_table(contents: Contents, title: str = "") -> Table:
    """Every path of every layer, sorted: the layer that wins, what it hides, the whiteouts."""
    stack = contents.stack
    rows: list[tuple[Any, ...]] = []
    lost = stack.lost
    for path in sorted(stack.mentions):
        place = stack.shown.get(path)
        losses = lost.get(path, ())
        marks = {p.layer for p in stack.mentions[path] if stack.kind(p) == "w"}
        marks.update(loss.layer for loss in losses if loss.how == DELETED)
        hidden = sorted({loss.place.layer for loss in losses})
        last = place or stack.mentions[path][-1]
        row = stack.row(last)
        rows.append(
            (
                shown_path(path), place.layer + 1 if place else None, row.kind,
                _numbers(hidden), _numbers(sorted(marks)), row.size if place else None,
            )
        )  # fmt: skip
    return Table(ORIGIN_COLUMNS, rows, title=title)


def _numbers(layers: Sequence[int]) -> str:
    return ", ".join(str(layer + 1) for layer in layers)

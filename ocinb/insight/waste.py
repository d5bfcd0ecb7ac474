"""Bytes that are downloaded and never seen: added by one layer, hidden by a later one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocinb.errors import LayerError, StorageError
from ocinb.insight import secrets
from ocinb.insight.contents import shown_path
from ocinb.layer.stack import Loss, Place
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocinb.insight.contents import Contents
    from ocinb.spec.image_config import ImageConfig

WASTE_COLUMNS = columns(
    "path size:bytes layer:int hidden_by:int how secret added_by? hidden_by_step? by?"
)
"""``layer`` added the file and ``hidden_by`` hid it, both counted from the base, 1; ``how``:
``deleted`` or ``replaced``; ``secret``: what the file looks like by its name or content;
``added_by`` and ``hidden_by_step``: the history lines of the two layers; ``by``: the path in the
layer that hides it."""

IN_CONFIG = "in the config"
"""``how`` of a row that is no file: a variable or a history line of the image config."""

LARGEST_READ = 1 << 20
"""Bytes of a file that is looked into for secrets."""
READ_BUDGET = 64 << 20
FILES_BUDGET = 4000
"""Bytes and files that are looked into for one image, the smallest first."""


def waste_table(contents: Contents, history: Sequence[str], title: str = "") -> Table:
    """A row for each hidden file, the largest first; files that look like secrets before all.

    A file with several names is waste once the last of them is hidden; it is listed under its
    first.

    Args:
        history: the line that made each layer, bottom to top.
    """
    losses = list(_wasted(contents))
    found = _suspicious(contents, losses)
    rows: list[tuple[Any, ...]] = []
    for loss in losses:
        row = contents.stack.row(loss.place)
        layer, above = loss.place.layer, loss.layer
        rows.append(
            (
                shown_path(row.path), row.size, layer + 1, above + 1, loss.how,
                found.get(loss.place, ""), _line(history, layer), _line(history, above),
                shown_path(loss.by),
            )
        )  # fmt: skip
    rows.sort(key=lambda row: (not row[5], -row[1], row[0]))
    return Table(WASTE_COLUMNS, rows, title=title)


def secrets_in_config(config: ImageConfig) -> list[tuple[Any, ...]]:
    """Rows for variables and history lines of an image config that look like secrets.

    Whoever can pull an image reads them, so they are of the same interest as a hidden file.

    Spec: image-spec config.md#properties (Env, history)
    """
    found = []
    for entry in config.execution.env or ():
        name, _, value = entry.partition("=")
        if what := secrets.by_variable(name, value):
            found.append((f"ENV {name}", what, len(value.encode()), ""))
    for number, line in enumerate(config.history or (), 1):
        told = line.created_by or ""
        if what := secrets.by_line(told):
            found.append((f"history {number}", what, len(told.encode()), told))
    return [
        (place, size, None, None, IN_CONFIG, f"looks like {what}", told, "", "")
        for place, what, size, told in found
    ]


def _wasted(contents: Contents) -> Iterator[Loss]:
    stack = contents.stack
    names: dict[Place, list[str]] = {}
    for number, index in enumerate(stack.layers):
        for row, kind in enumerate(index.kinds):
            if kind == "h":
                first = stack.inode(Place(number, row))
                names.setdefault(first, []).append(index.paths[row])
    hidden: dict[Place, Loss] = {}
    for loss in stack.losses:
        first = stack.inode(loss.place)
        if stack.kind(first) == "f":
            hidden[first] = loss  # the last of its names: losses come in the order of layers
    for first, loss in hidden.items():
        index = stack.layers[first.layer]
        all_names = (index.paths[first.row], *names.get(first, ()))
        if not any(_seen(contents, name, first.layer) for name in all_names):
            yield loss._replace(place=first)


def _seen(contents: Contents, path: str, layer: int) -> bool:
    place = contents.stack.shown.get(path)
    return place is not None and place.layer == layer


def _suspicious(contents: Contents, losses: Sequence[Loss]) -> dict[Place, str]:
    found: dict[Place, str] = {}
    left = READ_BUDGET
    sized = sorted((contents.stack.row(loss.place).size, loss.place) for loss in losses)
    for number, (size, place) in enumerate(sized):
        name = secrets.by_name(contents.stack.row(place).path)
        content = ""
        if 0 < size <= LARGEST_READ and left > 0 and number < FILES_BUDGET:
            left -= min(size, secrets.READ)
            content = _look_into(contents, place)
        if name or content:
            found[place] = f"looks like {content or name}"
    return found


def _look_into(contents: Contents, place: Place) -> str:
    try:
        with contents.open(place) as file:
            return secrets.by_content(file.read(secrets.READ))
    except (LayerError, StorageError):
        return ""  # this user may not read it


def _line(history: Sequence[str], layer: int) -> str:
    return history[layer] if layer < len(history) else ""

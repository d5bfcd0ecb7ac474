"""What two images, or an image and a container, do not have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ocinb.insight.contents import mode_text, shown_path
from ocinb.layer.index import KIND_OF
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ocinb.insight.contents import Contents
    from ocinb.layer.stack import Place
    from ocinb.spec.descriptor import Descriptor

DIFF_COLUMNS = columns("subject change name what grows:bytes before after")
"""``subject``: ``layer``, ``config`` or ``file``; ``change``: ``shared``, ``added``, ``removed``,
``changed``; ``name``: a diffID, a field, a path; ``what`` differs, as in ``content, mode``;
``grows``: bytes by which a file or layer is larger (layers: as downloaded); ``before`` and
``after``: a field as JSON, a file as mode, owner, bytes."""

_BLOCK = 1 << 18
_UNTOLD = frozenset({"rootfs", "history"})  # layers and steps have rows of their own


def diff_table(
    before: Contents,
    after: Contents,
    *,
    configs: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
    layers: tuple[Sequence[Descriptor], Sequence[Descriptor]] | None = None,
    times: bool = False,
    unless_filled: frozenset[str] = frozenset(),
    title: str = "",
) -> Table:
    """Layers, then fields of the config, then files, each sorted.

    Files are the same when everything that a layer says of them is, their bytes compared where
    they do not come from the same layer.

    Args:
        configs: the two image configs; None: not compared.
        layers: descriptors, bottom to top; None: not compared.
        times: whether another modification time alone makes a file changed.
        unless_filled: clean paths that are not told of where they are new and empty: an engine
            makes them for a container's mounts.

    Spec: image-spec layer.md#change-types
    """
    rows: list[tuple[Any, ...]] = []
    if layers is not None:
        rows += _layers(before, after, layers)
    if configs is not None:
        rows += _config(*configs)
    rows += _files(before, after, times, unless_filled)
    return Table(DIFF_COLUMNS, rows, title=title, key="name")


def _layers(
    before: Contents, after: Contents, layers: tuple[Sequence[Descriptor], Sequence[Descriptor]]
) -> Iterator[tuple[Any, ...]]:
    old = dict(zip(before.diff_ids, layers[0], strict=False))
    new = dict(zip(after.diff_ids, layers[1], strict=False))
    for diff_id, layer in old.items():
        if diff_id in new:
            yield "layer", "shared", diff_id, "", 0, layer.digest, new[diff_id].digest
        else:
            yield "layer", "removed", diff_id, "", -layer.size, layer.digest, ""
    for diff_id, layer in new.items():
        if diff_id not in old:
            yield "layer", "added", diff_id, "", layer.size, "", layer.digest


def _config(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    before, after = dict(fields(old)), dict(fields(new))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            change = "changed"
            if name not in before or name not in after:
                change = "added" if name in after else "removed"
            yield "config", change, name, "", None, before.get(name, ""), after.get(name, "")


def fields(document: Mapping[str, Any], lead: str = "") -> Iterator[tuple[str, str]]:
    """The fields of an image config as ``(name, JSON)``: ``config.Env.PATH``, ``config.Cmd``."""
    for key, value in document.items():
        name = f"{lead}{key}"
        if not lead and key in _UNTOLD:
            continue
        if name == "config.Env" and isinstance(value, list):
            variables = (str(one).partition("=") for one in value)
            yield from ((f"{name}.{k}", json.dumps(v, ensure_ascii=False)) for k, _, v in variables)
        elif isinstance(value, dict) and value:
            yield from fields(value, f"{name}.")
        elif value not in (None, {}, []):
            yield name, json.dumps(value, ensure_ascii=False, sort_keys=True)


def _files(
    before: Contents, after: Contents, times: bool, unless_filled: frozenset[str]
) -> Iterator[tuple[Any, ...]]:
    old, new = before.stack.shown, after.stack.shown
    common = _shared(before, after)
    untold = _untold(after, old.keys(), unless_filled)
    for path in sorted((old.keys() | new.keys()) - untold):
        a, b = old.get(path), new.get(path)
        if a is None or b is None:
            there = a is None
            size = _size(after, b) if b is not None else -_size(before, a)  # type: ignore[arg-type]
            yield (
                "file", "added" if there else "removed", shown_path(path), "", size,
                _text(before, a), _text(after, b),
            )  # fmt: skip
        elif (a.layer, b.layer) not in common or a.row != b.row:
            what = _differences(before, a, after, b, times)
            if what and not (what == ["mtime"] and path in unless_filled):
                grows = _size(after, b) - _size(before, a)
                name = shown_path(path)
                texts = _text(before, a), _text(after, b)
                yield "file", "changed", name, ", ".join(what), grows, *texts


def _untold(after: Contents, old: Collection[str], unless_filled: frozenset[str]) -> frozenset[str]:
    """Those of these paths that are new, and nothing but places for mounts."""
    stack = after.stack
    new = {path: stack.shown[path] for path in unless_filled if path in stack.shown}
    places = {
        path
        for path, place in new.items()
        if path not in old and (stack.kind(place) == "d" or not _size(after, place))
    }
    filled = {
        parent
        for path in stack.shown.keys() - places
        if path not in old
        for parent in _parents(path)
    }
    return frozenset(places - filled)


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _shared(before: Contents, after: Contents) -> set[tuple[int, int]]:
    """Pairs of layers that are one and the same directory."""
    place = {name: number for number, name in enumerate(after.names)}
    return {(number, place[name]) for number, name in enumerate(before.names) if name in place}


def _size(contents: Contents, place: Place) -> int:
    return contents.stack.layers[place.layer].sizes[place.row]


def _text(contents: Contents, place: Place | None) -> str:
    if place is None:
        return ""
    stack = contents.stack
    row = stack.row(place)
    kind = KIND_OF[stack.kind(stack.inode(place))]
    more = f"{row.size} B" if kind == "file" else f"→ {shown_path(row.target)[1:]}"
    if kind not in ("file", "symlink", "char", "block"):
        more = ""
    uid, gid = _owner(contents, place)
    return f"{mode_text(row, kind)} {uid}:{gid} {more}".rstrip()


def _owner(contents: Contents, place: Place) -> tuple[int, int]:
    row = contents.stack.attributes(contents.stack.row(place).path)
    return row.uid, row.gid


def _differences(before: Contents, a: Place, after: Contents, b: Place, times: bool) -> list[str]:
    old, new = before.stack.inode(a), after.stack.inode(b)
    x, y = before.stack.row(old), after.stack.row(new)
    if x.kind != y.kind:
        return ["type"]
    link = x.kind == "symlink"
    found = [] if x.target == y.target else ["target"]
    if x.kind == "file" and _content_differs(before, old, after, new):
        found.append("content")
    if x.mode != y.mode and not link:
        found.append("mode")
    if _owner(before, a) != _owner(after, b):
        found.append("owner")
    if _xattrs(before, old) != _xattrs(after, new):
        found.append("xattrs")
    if times and x.mtime != y.mtime:
        found.append("mtime")
    return found


def _xattrs(contents: Contents, place: Place) -> Mapping[str, bytes]:
    return contents.stack.layers[place.layer].xattrs.get(place.row, {})


def _content_differs(before: Contents, a: Place, after: Contents, b: Place) -> bool:
    size = _size(before, a)
    if size != _size(after, b):
        return True
    if size == 0 or _one_archive(before, a, after, b):
        return False
    with before.open(a) as old, after.open(b) as new:
        while data := old.read(_BLOCK):
            if data != new.read(_BLOCK):
                return True
    return False


def _one_archive(before: Contents, a: Place, after: Contents, b: Place) -> bool:
    """Whether both are the same entry of the same archive, though over other layers."""
    old, new = before.diff_ids, after.diff_ids
    same_layer = a.layer < len(old) and b.layer < len(new) and old[a.layer] == new[b.layer]
    return same_layer and before.stack.row(a).path == after.stack.row(b).path

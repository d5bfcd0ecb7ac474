"""What each layer of an image changes in the tree below it: added, changed, deleted.

Spec: image-spec layer.md#change-types
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from ocinb.frozen import Frozen
from ocinb.layer.changeset import DIRECTORY, OPAQUE, WHITEOUT, Limits
from ocinb.layer.stream import LayerStream
from ocinb.layer.tar_reader import TarReader
from ocinb.spec.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ocinb.layer.changeset import Entry
    from ocinb.spec.descriptor import Descriptor

    Node = dict[str, Any]  # name → Node of a directory, or None

WHITEOUTS_KEPT = 20
"""Paths of whiteouts that are kept for people to read; all are counted."""


class Changes(Frozen):
    """What one layer does to the stack below it.

    Attributes:
        diff_id: of the archive that was read.
        size: bytes of the uncompressed archive.
        added: paths that no lower layer has.
        changed: paths of a lower layer that are replaced (a directory listed again is not).
        deleted: paths of lower layers that are seen no longer.
        whiteouts: the first of the paths that are hidden, an opaque directory as ``path/*``.
    """

    diff_id: Digest
    size: int
    added: int
    changed: int
    deleted: int
    whiteouts: tuple[str, ...]


def stack_changes(
    layers: Iterable[Descriptor], open_blob: Callable[[Digest], IO[bytes]]
) -> Iterator[Changes]:
    """Read the layers, bottom to top, and tell what each changes; nothing is unpacked.

    Raises:
        LayerError: an archive is damaged or breaks a rule. BlobNotFound: a layer is not there.
    """
    tree: Node = {}
    for descriptor in layers:
        what = f"layer {descriptor.digest}"
        limits = Limits()
        with (
            open_blob(descriptor.digest) as blob,
            LayerStream(blob, descriptor.media_type, "sha256", limits, what) as stream,
        ):
            reader = TarReader(stream.chunk, what, limits)
            entries = list(iter(reader.next, None))
            digest = Digest(f"sha256:{stream.finish()}")
            added, changed, deleted = apply(tree, entries)
            yield Changes(
                diff_id=digest,
                size=stream.size,
                added=added,
                changed=changed,
                deleted=deleted,
                whiteouts=_hidden(entries),
            )


def apply(tree: Node, entries: list[Entry]) -> tuple[int, int, int]:
    """Change ``tree`` as a layer does; how many paths were added, changed, and deleted.

    Whiteouts count against the lower layers only, wherever they stand in the archive.

    Spec: image-spec layer.md#whiteouts
    """
    deleted = sum(_delete(tree, e) for e in entries if e.kind in (WHITEOUT, OPAQUE))
    before = _count(tree)
    changed = 0
    for entry in entries:
        if entry.path and entry.kind not in (WHITEOUT, OPAQUE):
            replaced, lost = _put(tree, entry)
            changed += replaced
            deleted += lost
            before -= lost
    return _count(tree) - before, changed, deleted


def _delete(tree: Node, entry: Entry) -> int:
    *parents, name = entry.path.split("/") if entry.path else [""]
    directory = _walk(tree, parents)
    if entry.kind == OPAQUE:
        target = _walk(tree, [*parents, name]) if entry.path else tree
        lost = _count(target) if target else 0
        if target:
            target.clear()
        return lost
    if not directory or name not in directory:
        return 0
    return 1 + _count(directory.pop(name))


def _put(tree: Node, entry: Entry) -> tuple[bool, int]:
    """Put an entry; whether it replaced a path, and how many paths beneath were lost."""
    *parents, name = entry.path.split("/")
    directory = tree
    for parent in parents:
        child = directory.get(parent)
        if child is None:
            child = directory[parent] = {}
        directory = child
    known, old = name in directory, directory.get(name)
    is_directory = entry.kind == DIRECTORY
    if known and old is not None and is_directory:
        return False, 0
    directory[name] = {} if is_directory else None
    return known, _count(old)


def _walk(tree: Node, names: list[str]) -> Node | None:
    node: Node | None = tree
    for name in names:
        node = node.get(name) if node is not None else None
    return node


def _count(node: Node | None) -> int:
    """Paths beneath a directory."""
    total, waiting = 0, [node]
    while waiting:
        current = waiting.pop()
        if current:
            total += len(current)
            waiting.extend(child for child in current.values() if child)
    return total


def _hidden(entries: list[Entry]) -> tuple[str, ...]:
    paths = (
        f"/{e.path}/*" if e.kind == OPAQUE else f"/{e.path}"
        for e in entries
        if e.kind in (WHITEOUT, OPAQUE)
    )
    return tuple(path for path, _ in zip(paths, range(WHITEOUTS_KEPT), strict=False))

"""One more layer for an ordinary user's containers: the image's files that are not the superuser's.

An ordinary user unpacks layers as its own files, which a container sees as its superuser's. With
a range of ids the others can have their owners too: but what belongs to a subordinate id this
user could neither read nor remove any more, and looking, building and mounting need to. So the
unpacked layers stay as they are, and the files of other owners lie in a copy, one for each image,
that is stacked on top of its layers.

::

    owned/<chain>.json   how many entries there are
    owned/<chain>        the copy; none where all files are the superuser's

Spec: image-spec layer.md#file-attributes
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocinb.engine.container_files import read_json, write_json
from ocinb.engine.removal import in_namespace, remove_files
from ocinb.errors import StorageError
from ocinb.layer.stack import Place, Stack
from ocinb.spec.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocinb.layer.index import Row
    from ocinb.layer.unpacked import UnpackedLayers

_PARTIAL = "partial"


class Item(NamedTuple):
    """A file to be copied with its owner.

    Attributes:
        path: in the image.
        kind: a letter of ``index.LETTERS``: ``d``, ``f``, ``l`` or ``p``.
        row: its attributes.
        source: where it lies in an unpacked layer.
        target: of a symbolic link.
        first: the path in the copy whose file it shares; empty: it has its own.
    """

    path: str
    kind: str
    row: Row
    source: str
    target: str
    first: str


def owned_layer(root: Path, layers: UnpackedLayers, chain: Sequence[Digest]) -> Path | None:
    """The directory with the files of an image that are not the superuser's; made when missing.

    Args:
        root: where such directories lie.
        layers: where the image's layers are unpacked.
        chain: their chainIDs, bottom to top.

    Returns:
        None where all files are the superuser's.

    Raises:
        StorageError: it cannot be made. LayerError: a layer is not unpacked.
    """
    top = chain[-1]
    directory, record = root / top.encoded, str(root / f"{top.encoded}.json")
    known = read_json(record)
    if not known:
        with _locked(root):
            known = read_json(record)
            if not known:
                known = {"entries": _make(root, directory, layers, chain)}
                write_json(record, known)
    return directory if known["entries"] else None


def sweep_owned(root: Path, layers: UnpackedLayers) -> list[Path]:
    """Remove the copies of images whose layers are not unpacked any more; what was removed.

    Raises:
        StorageError: one cannot be removed.
    """
    if not root.is_dir():
        return []
    kept = {chain_id.encoded for chain_id in layers.chain_ids()}
    removed = []
    with _locked(root):
        for path in sorted(root.iterdir()):
            if path.name.partition(".")[0] in kept or path.name == ".lock":
                continue
            remove_files(path)
            removed.append(path)
    return removed


def _make(root: Path, directory: Path, layers: UnpackedLayers, chain: Sequence[Digest]) -> int:
    items = list(_items(layers, chain))
    if not items:
        return 0
    unfinished = root / _PARTIAL
    remove_files(unfinished)
    remove_files(directory)
    answer = in_namespace(partial(_copy, items, str(unfinished)))
    if answer:
        remove_files(unfinished)
        raise StorageError(f"the owners of the image's files cannot be kept: {answer}")
    os.rename(unfinished, directory)
    return len(items)


def _items(layers: UnpackedLayers, chain: Sequence[Digest]) -> Iterator[Item]:
    """What is to be copied, parents first."""
    stack = Stack([layers.index(chain_id) for chain_id in chain])
    directories = [str(layers.get(chain_id)) for chain_id in chain]
    firsts: dict[Place, str] = {}
    wanted = [path for path in stack.shown if _is_owned(stack.attributes(path))]
    named: dict[str, None] = {}
    for path in wanted:
        parts = path.split("/")
        named |= dict.fromkeys("/".join(parts[:count]) for count in range(len(parts)))
        named[path] = None
    if not wanted:
        return
    for path in sorted({"": None, **named}, key=lambda path: path.split("/") if path else []):
        place = stack.inode(stack.shown[path])
        row, kind = stack.attributes(path), stack.kind(place)
        if kind not in "dflp":
            continue  # a device node takes the real superuser
        index = stack.layers[place.layer]
        source = f"{directories[place.layer]}/{index.paths[place.row]}"
        first = firsts.setdefault(place, path)
        yield Item(
            path=path,
            kind=kind,
            row=row,
            source=source,
            target=index.targets[place.row] if kind == "l" else "",
            first=first if first != path else "",
        )


def _is_owned(row: Row) -> bool:
    return bool(row.uid or row.gid)


def _copy(items: list[Item], directory: str) -> None:
    """Make the copy; in a child that is the superuser of all ids."""
    os.umask(0)
    for item in items:
        _place(item, f"{directory}/{item.path}" if item.path else directory, directory)
    # Last, for what is made in a directory changes its time, and needs its permission.
    for item in reversed(items):
        if item.kind == "d":
            _dress(item, f"{directory}/{item.path}" if item.path else directory)


def _place(item: Item, goal: str, directory: str) -> None:
    if item.kind == "d":
        os.mkdir(goal, 0o700)
        return
    if item.first:
        os.link(f"{directory}/{item.first}", goal, follow_symlinks=False)
        return
    if item.kind == "l":
        os.symlink(item.target, goal)
    elif item.kind == "p":
        os.mkfifo(goal, 0o600)
    else:
        shutil.copyfile(item.source, goal, follow_symlinks=False)
    _dress(item, goal)


def _dress(item: Item, goal: str) -> None:
    """Owner first: the kernel takes setuid bits away with it."""
    with contextlib.suppress(OSError):  # an id that is not mapped stays the superuser's
        os.chown(goal, item.row.uid, item.row.gid, follow_symlinks=False)
    if item.kind != "l":
        os.chmod(goal, item.row.mode)
    os.utime(goal, ns=(item.row.mtime, item.row.mtime), follow_symlinks=False)


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{root} cannot be used: {reason}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)

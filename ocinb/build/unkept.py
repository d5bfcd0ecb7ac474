"""What archives say of unpacked files and an ordinary user's disk does not have.

Device nodes that could not be made, and attributes that could not be set: the indexes of the
layers know them, so that they are in whatever is packed again. Owners are in ``owners``.

Spec: image-spec layer.md#file-attributes
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ocinb.layer import whiteout
from ocinb.layer.changeset import BLOCK, CHAR
from ocinb.layer.index import LayerIndex, Row
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec.digest import Digest

_TYPES = {CHAR: stat.S_IFCHR, BLOCK: stat.S_IFBLK}


class Unkept:
    """By place, that is directory of the layer and path in it.

    Attributes:
        devices: place → what ``lstat`` would say if the device could have been made.
        names: place of a directory → names of such devices in it.
        xattrs: place → the attributes that the archive names; some may be on the disk.
    """

    def __init__(self) -> None:
        self.devices: dict[str, os.stat_result] = {}
        self.names: dict[str, list[str]] = {}
        self.xattrs: dict[str, Mapping[str, bytes]] = {}

    def add(self, directory: Path, index: LayerIndex) -> None:
        """What a layer's directory does not have, as its index tells."""
        for row in _devices(index):
            parent, _, name = row.path.rpartition("/")
            place, above = _place(directory, row.path), _place(directory, parent)
            if not os.path.lexists(place) or _is_mark(place):
                self.devices[place] = _status(row, -1 - len(self.devices))
                self.names.setdefault(above, []).append(name)
        for number, xattrs in index.xattrs.items():
            self.xattrs[_place(directory, index.paths[number])] = xattrs


NOTHING = Unkept()
"""Of trees whose disk has everything."""


def unkept(layers: UnpackedLayers, chain: Sequence[Digest], directories: Sequence[Path]) -> Unkept:
    """What the directories of an image's layers do not have; the superuser's have everything.

    Raises:
        LayerError: a layer is not unpacked.
    """
    if os.geteuid() == 0:
        return NOTHING
    found = Unkept()
    for chain_id, directory in zip(chain, directories, strict=True):
        found.add(directory, layers.index(chain_id))
    return found


def _devices(index: LayerIndex) -> Iterator[Row]:
    for number, letter in enumerate(index.kinds):
        if letter in "cb":
            yield index.row(number)


def _place(directory: Path, path: str) -> str:
    return f"{directory}/{path}" if path else str(directory)


def _is_mark(place: str) -> bool:
    """Where a device could not be made, what lower layers have there is hidden."""
    status = os.lstat(place)
    return whiteout.is_device(status.st_mode, status.st_rdev)


def _status(row: Row, inode: int) -> os.stat_result:
    major, _, minor = row.target.partition(":")
    seconds = row.mtime // 10**9
    return os.stat_result(
        (_TYPES[row.kind] | row.mode, inode, 0, 1, row.uid, row.gid, 0, seconds, seconds, seconds),
        {"st_mtime_ns": row.mtime, "st_rdev": os.makedev(int(major), int(minor))},
    )

"""What a container has changed whose root filesystem is a copy: there is no upper directory.

The copy is compared with the unpacked layers that it was made of, not with what their archives
say: an owner, an attribute or a device that this user could not keep when they were unpacked is as
it was, unless the container has changed it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ocinb.engine.own_changes import index_changes
from ocinb.layer.changeset import NO_XATTRS, WHITEOUT
from ocinb.layer.index import Fields, LayerIndex, Row, from_rows
from ocinb.layer.index_walk import index_directory
from ocinb.layer.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def index_copy(tree: str, below: Stack, directories: Iterable[Path]) -> LayerIndex:
    """A copied tree as one more layer on those that it was made of.

    All of its files are in it, whether they were changed or not; what is gone is whited out.

    Args:
        tree: the copy.
        below: the layers as their archives have them.
        directories: where these are unpacked, bottom to top.

    Raises:
        StorageError: something cannot be read.

    Spec: image-spec layer.md#determining-changes
    """
    unpacked = Stack([index_directory(directory) for directory in directories])
    own = index_changes(tree, marks=False)
    rows: dict[str, Fields] = {}
    xattrs: dict[str, Mapping[str, bytes]] = {}
    for number in range(len(own)):
        row, named = own.row(number), own.xattrs.get(number, NO_XATTRS)
        if row.path in below.shown and row.path in unpacked.shown:
            said, (_, said_xattrs) = below.attributes(row.path), _seen(below, row.path)
            kept, kept_xattrs = _seen(unpacked, row.path)
            if named == kept_xattrs:
                named = said_xattrs
            row = _as_said(row, kept, said)
        else:
            uid, gid = _in_container(row.uid, row.gid)
            row = row._replace(uid=uid, gid=gid)
        rows[row.path] = row
        if named:
            xattrs[row.path] = named
    for path in below.shown.keys() & unpacked.shown.keys():
        if path not in rows:
            rows[path] = (path, WHITEOUT, 0, 0, 0, 0, 0, "", False, False)
    return from_rows(rows, xattrs)


def _seen(stack: Stack, path: str) -> tuple[Row, Mapping[str, bytes]]:
    """What a path is, and its attributes; for another name of a file that file's."""
    place = stack.inode(stack.shown[path])
    return stack.row(place), stack.layers[place.layer].xattrs.get(place.row, NO_XATTRS)


def _as_said(row: Row, kept: Row, said: Row) -> Row:
    """A file of the copy, with what its archive says of it where that was not changed."""
    own = row.uid, row.gid
    uid, gid = (said.uid, said.gid) if own == (kept.uid, kept.gid) else _in_container(*own)
    mode = said.mode if row.mode == kept.mode else row.mode
    mtime = said.mtime if row.mtime == kept.mtime else row.mtime
    return row._replace(uid=uid, gid=gid, mode=mode, mtime=mtime)


def _in_container(uid: int, gid: int) -> tuple[int, int]:
    """An ordinary user is the superuser of its containers."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        return uid, gid
    return 0 if uid == user else uid, 0 if gid == group else gid

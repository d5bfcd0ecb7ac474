"""Directory trees as the entries of an archive, with the kernel's own answers as what is right."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ocinb.layer import changeset, whiteout
from ocinb.layer.changeset import NO_XATTRS, Entry


def tree_entries(root: Path) -> Iterator[Entry]:
    """The entries of a directory tree, its root first, each directory's names in order.

    Names of one inode become hard links to the first of them. Marks of an overlay layer become
    whiteouts and opaque entries. Sockets are left out: an archive has no form for them.

    Raises:
        OSError: something cannot be read.

    Spec: image-spec layer.md#hardlinks
    """
    yield from _walk(root, "", os.lstat(root), {})


def _walk(
    root: Path, path: str, status: os.stat_result, seen: dict[tuple[int, int], str]
) -> Iterator[Entry]:
    yield _entry(root, path, status, changeset.DIRECTORY)
    directory = root / path
    with_opaque = _has_opaque(directory)
    if with_opaque:
        yield Entry(path, changeset.OPAQUE)
    for name in sorted(os.listdir(directory), key=os.fsencode):
        child = f"{path}/{name}" if path else name
        status = os.lstat(root / child)
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(root, child, status, seen)
            continue
        kind = _kind(status)
        if kind is None:
            continue
        inode = (status.st_dev, status.st_ino)
        if kind != changeset.WHITEOUT and status.st_nlink > 1:
            if inode in seen:
                entry = _entry(root, child, status, changeset.HARDLINK)
                entry.linkname, entry.size, entry.xattrs = seen[inode], 0, NO_XATTRS
                yield entry
                continue
            seen[inode] = child
        yield _entry(root, child, status, kind)


def _kind(status: os.stat_result) -> str | None:
    mode = status.st_mode
    if whiteout.is_device(mode, status.st_rdev):
        return changeset.WHITEOUT
    for test, kind in (
        (stat.S_ISREG, changeset.FILE),
        (stat.S_ISLNK, changeset.SYMLINK),
        (stat.S_ISFIFO, changeset.FIFO),
        (stat.S_ISCHR, changeset.CHAR),
        (stat.S_ISBLK, changeset.BLOCK),
    ):
        if test(mode):
            return kind
    return None


def _entry(root: Path, path: str, status: os.stat_result, kind: str) -> Entry:
    full = root / path
    if kind == changeset.WHITEOUT:
        return Entry(path, kind)
    return Entry(
        path=path,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime=status.st_mtime_ns,
        size=status.st_size if kind == changeset.FILE else 0,
        linkname=os.readlink(full) if kind == changeset.SYMLINK else "",
        xattrs=_xattrs(full),
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
        source=full if kind == changeset.FILE else None,
    )


def _xattrs(path: Path) -> dict[str, bytes]:
    found = {}
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EPERM):
            return {}
        raise
    for name in names:
        if not whiteout.is_overlay_xattr(name):
            found[name] = os.getxattr(path, name, follow_symlinks=False)
    return found


def _has_opaque(path: Path) -> bool:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return whiteout.is_opaque(fd)
    finally:
        os.close(fd)

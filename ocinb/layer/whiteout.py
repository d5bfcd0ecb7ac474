"""The whole whiteout rule, in both directions.

In an archive a whiteout is an empty file with a special name; in a directory that overlayfs reads
it is a character device 0/0, and an opaque directory carries an extended attribute. Both ways of
writing, both ways of reading, and what is kept when a whiteout falls on a tree, stand here.

Spec: image-spec layer.md#whiteouts
"""

from __future__ import annotations

import os
import stat
from collections.abc import Container

from ocinb.errors import LayerError
from ocinb.layer.changeset import CHAR, OPAQUE, WHITEOUT, Entry

PREFIX = ".wh."
OPAQUE_NAME = ".wh..wh..opq"
AUFS_PREFIX = ".wh..wh."
"""AUFS keeps its own bookkeeping under such names. Spec: none (Docker convention)"""

TRUSTED_OPAQUE = "trusted.overlay.opaque"
USER_OPAQUE = "user.overlay.opaque"
OPAQUE_VALUE = b"y"

_OVERLAY_XATTRS = ("trusted.overlay.", "user.overlay.", "user.fuseoverlayfs.")
_CITATION = "image-spec layer.md#whiteouts"


def from_archive(path: str) -> tuple[str, str] | None:
    """What a clean path of an archive says about lower layers.

    Returns:
        ``(kind, path)`` with ``whiteout`` and the path that is removed, ``opaque`` and the
        directory that hides its lower children, or ``("", path)`` for AUFS's own bookkeeping,
        which means nothing to a tree. None for an ordinary entry.

    Raises:
        LayerError: a whiteout of nothing, of ``.`` or ``..``, or a directory whose name begins
            with the prefix.

    Spec: image-spec layer.md#whiteouts and layer.md#opaque-whiteout
    """
    parent, _, name = path.rpartition("/")
    if parent.startswith(PREFIX) or "/.wh." in parent:
        if any(part.startswith(AUFS_PREFIX) for part in parent.split("/")):
            return "", path
        raise LayerError(
            f"{path!r} lies in a directory whose name begins with {PREFIX}", citation=_CITATION
        )
    if not name.startswith(PREFIX):
        return None
    if name == OPAQUE_NAME:
        return OPAQUE, parent
    if name.startswith(AUFS_PREFIX):
        return "", path
    removed = name[len(PREFIX) :]
    if removed in ("", ".", ".."):
        raise LayerError(f"{path!r} is a whiteout of no file name", citation=_CITATION)
    return WHITEOUT, f"{parent}/{removed}" if parent else removed


def to_archive(entry: Entry) -> str:
    """The name in an archive of a ``whiteout`` or ``opaque`` entry.

    Spec: image-spec layer.md#whiteouts and layer.md#opaque-whiteout
    """
    if entry.kind == OPAQUE:
        return f"{entry.path}/{OPAQUE_NAME}" if entry.path else OPAQUE_NAME
    parent, slash, name = entry.path.rpartition("/")
    return f"{parent}{slash}{PREFIX}{name}"


def is_device(mode: int, rdev: int) -> bool:
    """Whether a file of an overlay layer is the mark of a removed path: character device 0/0.

    Spec: none (Linux overlayfs)
    """
    return stat.S_ISCHR(mode) and rdev == 0


def is_mark(entry: Entry) -> bool:
    """Whether an ordinary entry would be taken for a whiteout by overlayfs."""
    return entry.kind == CHAR and entry.device == (0, 0)


def is_overlay_xattr(name: str) -> bool:
    """Whether overlayfs or fuse-overlayfs would obey this attribute.

    An archive must not carry them: ``redirect`` or ``metacopy`` would show files of other layers
    under names of the attacker's choice.
    """
    return name.startswith(_OVERLAY_XATTRS)


def make_device(name: str, directory: int) -> None:
    """Mark ``name`` in an overlay layer as removed (no privilege needed since Linux 5.8).

    Where even that is refused, the mark is an empty file ``.wh.NAME``: fuse-overlayfs reads it,
    and no layer can hold a file of such a name.
    """
    try:
        os.mknod(name, stat.S_IFCHR, device=os.makedev(0, 0), dir_fd=directory)
    except PermissionError:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        os.close(os.open(PREFIX + name, flags, 0, dir_fd=directory))


def settle_mark(name: str, directory: int, *, needed: bool) -> bool:
    """Remove a mark that is not needed, or whose name was made after it.

    Returns:
        Whether the name is now a directory beside which a mark stood (that happens where marks
        are files): it must become opaque.
    """
    status = _lstat(name, directory)
    if status is not None and is_device(status.st_mode, status.st_rdev):
        if not needed:
            os.unlink(name, dir_fd=directory)
        return False
    if _lstat(PREFIX + name, directory) is None or (status is None and needed):
        return False
    os.unlink(PREFIX + name, dir_fd=directory)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_marked(name: str, directory: int) -> bool:
    """Whether ``name`` in an overlay layer is marked as removed, in either form of marks."""
    status = _lstat(name, directory)
    if status is None:
        return _lstat(PREFIX + name, directory) is not None
    return is_device(status.st_mode, status.st_rdev)


def _lstat(name: str, directory: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def make_opaque(directory: int, *, user: bool) -> None:
    """Mark a directory of an overlay layer as opaque (``user``: for a ``userxattr`` mount)."""
    os.setxattr(directory, USER_OPAQUE if user else TRUSTED_OPAQUE, OPAQUE_VALUE)


def is_opaque(directory: int) -> bool:
    """Whether a directory of an overlay layer hides the children of those below it."""
    for name in (TRUSTED_OPAQUE, USER_OPAQUE):
        try:
            if os.getxattr(directory, name) == OPAQUE_VALUE:
                return True
        except OSError:
            continue
    return False


def prune(directory: int, path: str, kept: Container[str], reset: list[str]) -> bool:
    """Remove what lies in a directory of a tree, but not what this layer put there.

    Args:
        directory: descriptor.
        path: the directory's real path in the tree; empty for the root.
        kept: real paths that this layer made.
        reset: receives directories that stay only because something in them is kept.

    Returns:
        Whether anything is left.

    Spec: image-spec layer.md#whiteouts (whiteouts apply to lower layers only)
    """
    left = False
    for name in os.listdir(directory):
        child = f"{path}/{name}" if path else name
        left |= prune_child(directory, name, child, kept, reset)
    return left


def prune_child(
    directory: int, name: str, path: str, kept: Container[str], reset: list[str]
) -> bool:
    """As ``prune``, for one name of a directory; a symbolic link is removed, never followed."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
        if path in kept:
            return True
        os.unlink(name, dir_fd=directory)
        return False
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = _open_directory(name, directory, flags)
    try:
        left = prune(fd, path, kept, reset)
    finally:
        os.close(fd)
    if path in kept:
        return True
    if left:
        reset.append(path)
        return True
    os.rmdir(name, dir_fd=directory)
    return False


def _open_directory(name: str, directory: int, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=directory)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=directory)  # an ordinary user's own directory without rwx
        return os.open(name, flags, dir_fd=directory)

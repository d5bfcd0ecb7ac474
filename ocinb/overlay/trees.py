"""Plain directory trees: a stack of layers applied to one, and trees removed.

Layer directories are in overlay form: a deleted name is a character device 0:0 (or, where even
that may not be made, an empty file ``.wh.NAME``), a directory that hides what is below it has the
extended attribute ``overlay.opaque``.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress

from ocinb.errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")
"""The kernel reads the first one, or with the mount option ``userxattr`` the second."""

MARK = ".wh."
"""How the name of a file begins that stands for a whiteout; no layer can hold such a name."""

_OVERLAY_PREFIXES = ("trusted.overlay.", "user.overlay.")
_CAPABILITY = "security.capability"
_POWERS = stat.S_ISUID | stat.S_ISGID
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def is_whiteout(info: os.stat_result) -> bool:
    """Whether an entry of a layer says that its name is deleted.

    Spec: image-spec layer.md#whiteouts, in overlayfs's form
    """
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == 0


def is_opaque(directory: str) -> bool:
    """Whether a directory of a layer hides the same directory of the layers below.

    Spec: image-spec layer.md#opaque-whiteout, in overlayfs's form
    """
    return any(_attribute(directory, name) == b"y" for name in OPAQUE)


def copy_layers(layers: Iterable[str], target: str, *, inert: bool = False) -> None:
    """Apply layers, bottom to top, to the empty directory ``target``.

    Mode, owner (where permitted), times, extended attributes, hard links within a layer and
    special files (where permitted) are kept.

    Args:
        inert: leave out what gives power to whoever comes upon it: set-user-ID and set-group-ID
            bits, capabilities of programs, device nodes.

    Raises:
        StorageError: no space left, read-only, or an I/O error.
        OSError: anything else the kernel refuses.

    Spec: image-spec layer.md#applying-changesets
    """
    try:
        for layer in layers:
            _apply(layer, target, inert)
    except OSError as error:
        if error.errno in _DISK:
            reason = os.strerror(error.errno).lower()
            raise StorageError(f"copying layers to {target}: {reason}") from error
        raise


def remove_tree(path: str) -> None:
    """Delete a tree, also directories without permissions; nothing there is no error.

    The kernel ends an overlay whose last user was killed a moment later, and until then may put
    files into its work directory: a directory that is not empty after all is emptied again.

    Symbolic links are deleted, never followed, and other filesystems are not entered: a mount
    that is still there makes it fail with ``EBUSY`` before anything beyond it is touched.
    """
    for patience in (0.01, 0.05, 0.2, 1.0):
        try:
            return _remove(path)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            time.sleep(patience)
    return _remove(path)


def _remove(path: str) -> None:
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(info.st_mode):
        os.unlink(path)
        return
    device = info.st_dev
    pending = [path]
    emptied: list[str] = []
    while pending:
        # Others may remove too: the kernel empties the work directory of a detached overlay.
        with suppress(FileNotFoundError):
            emptied.append(_empty(pending.pop(), device, pending))
    for directory in reversed(emptied):
        with suppress(FileNotFoundError):
            os.rmdir(directory)


def _empty(directory: str, device: int, pending: list[str]) -> str:
    """Unlink what is in a directory; its own directories are noted in ``pending``."""
    info = os.lstat(directory)
    if info.st_dev != device:
        raise OSError(errno.EBUSY, "something is mounted here", directory)
    if info.st_mode & 0o700 != 0o700:
        os.chmod(directory, 0o700)
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(entry.path)
    return directory


def _apply(layer: str, target: str, inert: bool) -> None:
    links: dict[tuple[int, int], str] = {}
    directories: list[tuple[str, str, os.stat_result]] = []
    pending = [""]
    while pending:
        relative = pending.pop()
        source, goal = layer + relative, target + relative
        directories.append((source, goal, os.lstat(source)))
        with os.scandir(source) as scanned:
            # Marks first: beside one may stand what the layer put in the place of the deleted.
            entries = sorted(scanned, key=lambda entry: not entry.name.startswith(MARK))
        for entry in entries:
            if entry.name.startswith(MARK):
                deleted = entry.name.removeprefix(MARK)
                if deleted not in ("", ".", ".."):
                    remove_tree(f"{goal}/{deleted}")
                continue
            info = entry.stat(follow_symlinks=False)
            name = f"{relative}/{entry.name}"
            if _place(entry.path, target + name, info, links, inert):
                pending.append(name)
    # Only now, for making an entry changes its directory's time and needs its permission.
    for source, goal, info in reversed(directories):
        _dress(source, goal, info, inert)


def _place(
    source: str,
    goal: str,
    info: os.stat_result,
    links: dict[tuple[int, int], str],
    inert: bool,
) -> bool:
    """Make one entry in the place of what was there; True for a directory to go into."""
    is_directory = stat.S_ISDIR(info.st_mode)
    merged = is_directory and not is_opaque(source) and _is_directory(goal)
    if not merged:
        remove_tree(goal)
    if is_whiteout(info) or (inert and _is_device(info)):
        return False
    if is_directory:
        if not merged:
            os.mkdir(goal, 0o700)
        return True
    first = links.setdefault((info.st_dev, info.st_ino), goal)
    if info.st_nlink > 1 and first != goal:
        os.link(first, goal, follow_symlinks=False)
    elif _make(source, goal, info):
        _dress(source, goal, info, inert)
    return False


def _make(source: str, goal: str, info: os.stat_result) -> bool:
    """Make a file, link or special file; False where a device may not be made."""
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(source), goal)
    elif stat.S_ISREG(info.st_mode):
        _copy_data(source, goal)
    else:
        try:
            os.mknod(goal, info.st_mode, info.st_rdev)
        except PermissionError:
            return False  # /dev of a container is not the image's
    return True


def _copy_data(source: str, goal: str) -> None:
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        writer = os.open(goal, flags, 0o600)
        try:
            while os.sendfile(writer, reader, None, 1 << 30):
                pass
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _dress(source: str, goal: str, info: os.stat_result, inert: bool) -> None:
    """Owner, mode, extended attributes and times, in the order in which none undoes another."""
    if os.geteuid() == 0:
        try:
            os.lchown(goal, info.st_uid, info.st_gid)
        except OSError as error:
            if error.errno != errno.EINVAL:  # an id without a mapping in this user namespace
                raise
    if not stat.S_ISLNK(info.st_mode):
        mode = stat.S_IMODE(info.st_mode)
        os.chmod(goal, mode & ~_POWERS if inert else mode)
    for name in os.listxattr(source, follow_symlinks=False):
        if name.startswith(_OVERLAY_PREFIXES) or (inert and name == _CAPABILITY):
            continue
        try:
            value = os.getxattr(source, name, follow_symlinks=False)
            os.setxattr(goal, name, value, follow_symlinks=False)
        except PermissionError:
            continue  # security.* and trusted.* belong to the superuser
    os.utime(goal, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)


def _is_device(info: os.stat_result) -> bool:
    return stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode)


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _attribute(path: str, name: str) -> bytes | None:
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        return None

"""Writing so that neither a crash nor a full disk leaves something half-written in sight."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ocinb.errors import StorageError

_HINTS = {
    errno.ENOSPC: "free some space, as by ocinb prune; a download goes on from where it was",
    errno.EDQUOT: "this user's disk quota is used up",
    errno.EROFS: "the file system is mounted read-only",
    errno.EACCES: "this user may not write there; OCINB_ROOT names another directory",
    errno.EPERM: "this user may not write there; OCINB_ROOT names another directory",
    errno.EIO: "the disk reports a fault",
}


@contextlib.contextmanager
def storage_errors(action: str, path: str | Path) -> Iterator[None]:
    """Within it, an ``OSError`` becomes a ``StorageError`` about ``action`` and ``path``.

    ``action`` is as in "cannot write /var/lib/…: no space left on device".
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        hint = _HINTS.get(error.errno or 0)
        if action == "read" and error.errno in (errno.EACCES, errno.EPERM):
            hint = "this user may not read it"
        raise StorageError(f"cannot {action} {path}: {reason}", hint=hint) from error


def make_directory(path: Path) -> None:
    """Make a directory and its parents where missing.

    Raises:
        StorageError: the disk refused.
    """
    with storage_errors("make the directory", path):
        path.mkdir(parents=True, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory would survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """``os.write`` until everything is written."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def replace_file(path: Path, data: bytes, *, temporary: Path | None = None) -> None:
    """Give a file new content at once: readers see the old bytes or the new ones, whole.

    Args:
        path: the file, existing or not; its directory exists.
        data: the new content.
        temporary: a directory of the same file system for the temporary file; default is the
            directory of ``path``.

    Raises:
        StorageError: the disk refused; the file is as it was.
    """
    beside = (temporary or path.parent) / f".tmp-{secrets.token_hex(8)}"
    with storage_errors("write", path):
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            try:
                write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            beside.replace(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                beside.unlink()
            raise
        sync_directory(path.parent)

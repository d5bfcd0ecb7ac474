"""Small files that are written whole or not at all: a temporary file beside it, then a rename.

Not made durable: what must outlive a power failure is written by ``content.durable``.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from ocinb.errors import StorageError

SUFFIX = ".new"
"""Of temporary files; one that is older than a moment was left by a crash."""


_MOMENT = 60.0


def write_whole(path: str | os.PathLike[str], data: str | bytes) -> None:
    """Give a file new content: readers see what was there before, or all of this.

    Args:
        path: its directory exists.
        data: text is written as UTF-8, bytes that are no text as the surrogates stand for them.

    Raises:
        StorageError: the disk refused; the file is as it was.
    """
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    new = f"{os.fspath(path)}.{os.getpid()}-{threading.get_ident()}{SUFFIX}"
    try:
        try:
            with open(new, "wb") as file:
                file.write(data)
            os.replace(new, path)
        except BaseException:
            if os.path.lexists(new):
                os.unlink(new)
            raise
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{os.fspath(path)} cannot be written: {reason}") from error


def sweep_unfinished(directory: str | os.PathLike[str]) -> None:
    """Remove the temporary files that crashes left in a directory; no error where it is not there.

    Files of the last minute stay: somebody may be writing them.
    """
    before = time.time() - _MOMENT
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if entry.name.endswith(SUFFIX) and entry.stat().st_mtime < before:
                    os.unlink(entry.path)

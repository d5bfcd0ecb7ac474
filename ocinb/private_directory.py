"""Directories that are one user's alone: what lies in them is believed and carried out."""

from __future__ import annotations

import contextlib
import os
import stat

from ocinb.errors import StorageError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_HINT = "OCINB_ROOT and OCINB_RUN_ROOT name other directories"


def private_directory(path: str | os.PathLike[str]) -> None:
    """Make a directory that nobody else can enter, or see that what is there can be trusted.

    Args:
        path: its parents are made too where they are missing, as the umask has it. What is there
            keeps its mode: who lets others read decided so.

    Raises:
        StorageError: as for ``check_private``.
        OSError: it cannot be made.
    """
    # A file, or a link to nothing, is refused in one sentence below.
    with contextlib.suppress(FileExistsError):
        os.makedirs(path, 0o700, exist_ok=True)
    check_private(path)


def check_private(path: str | os.PathLike[str]) -> None:
    """See that nobody else put a directory there, nor can put anything into it.

    Args:
        path: where nothing is, nothing is wrong.

    Raises:
        StorageError: it, or a link to it, is another user's; others may write into it; it is no
            directory.
    """
    name = os.fspath(path)
    try:
        found = [os.lstat(name)]
    except OSError:
        return
    if stat.S_ISLNK(found[0].st_mode):
        with contextlib.suppress(OSError):
            found.append(os.stat(name))
    for info in found:
        if info.st_uid not in (0, os.geteuid()):
            raise StorageError(f"{name} belongs to another user ({info.st_uid})", hint=_HINT)
    if not stat.S_ISDIR(found[-1].st_mode):
        raise StorageError(f"{name} is not a directory", hint=_HINT)
    if found[-1].st_mode & _OTHERS_WRITE:
        raise StorageError(
            f"other users may write into {name}",
            hint=f"chmod go-w {name}, once what is in it is known to be yours",
        )

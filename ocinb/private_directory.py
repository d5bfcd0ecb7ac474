"""Directories that are one user's alone: what lies in them is believed and carried out."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
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

    With the umask 002 of many systems a person's own directories can be written by a group in
    which nobody else is. Such a one is closed to it, as is one in which nothing is yet.

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
    if found[-1].st_mode & _OTHERS_WRITE and not _closed(name, found[-1]):
        shared = found[-1].st_mode & stat.S_ISVTX  # as /tmp: it is meant for everybody
        hint = f"chmod go-w {name}, once what is in it is known to be yours"
        if shared:
            hint = f"name a directory in it, such as {os.path.join(name, 'ocinb')}"
        raise StorageError(f"other users may write into {name}", hint=hint)


def _closed(path: str, info: os.stat_result) -> bool:
    """Take the right to write from a directory's group, if nobody else can have used it."""
    if info.st_uid != os.geteuid() or info.st_mode & stat.S_IWOTH:
        return False
    mode = stat.S_IMODE(info.st_mode)
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not os.path.samestat(os.fstat(directory), info):
            return False
        alone = _is_own_group(info.st_gid) and not _has_list(directory)
        if not alone and os.listdir(directory):
            return False
        os.fchmod(directory, mode & ~stat.S_IWGRP)
        if alone or not os.listdir(directory):
            return True
        os.fchmod(directory, mode)  # somebody was quicker
        return False
    except OSError:
        return False
    finally:
        os.close(directory)


def _is_own_group(gid: int) -> bool:
    """Whether a group is of this user alone, by the convention that it has the user's name."""
    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    members = {*group.gr_mem} - {user.pw_name}
    return group.gr_name == user.pw_name and user.pw_gid == gid and not members


def _has_list(directory: int) -> bool:
    """Whether an access control list lets others in: the group's bits are its mask then."""
    try:
        return bool(os.getxattr(directory, "system.posix_acl_access"))
    except OSError:
        return False

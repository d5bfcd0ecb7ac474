"""Where a copy goes, by what is at its destination already.

Spec: none (docker's ``cp``, which follows the cp of POSIX)
"""

from __future__ import annotations

import errno
import os
import stat

from ocinb.errors import ContainerError, SyscallError
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.beneath import Beneath


_MOST_LINKS = 40
"""As many as the kernel follows. See path_resolution(7)."""


class Place(Frozen):
    """Where the entries of an archive go.

    Attributes:
        base: the directory, as seen from the root.
        names: the first part of the entries' names → what takes its place; empty: they stay.
    """

    base: str
    names: dict[str, str]


def destination(tree: Beneath, path: str, *, name: str, directory: bool, contents: bool) -> Place:
    """Where a source goes.

    Args:
        tree: what holds the destination.
        path: of the destination, as it was typed.
        name: of the source, by which the archive's entries begin; empty: an archive whose
            entries are put into the directory ``path`` as they are called.
        directory: whether the source is one.
        contents: whether only what is in it is copied, as in ``cp a/. b``.

    Raises:
        ContainerError: the destination cannot hold it.
    """
    mode = _mode(tree, path)
    there = mode is not None
    is_directory = mode is not None and stat.S_ISDIR(mode)
    if not name:
        if not is_directory:
            raise ContainerError(f"{path} is not a directory, so no archive is unpacked there")
        return Place(base=path, names={})
    if is_directory:
        return Place(base=path, names={name: "" if contents else name})
    if there and not directory:
        path = _followed(tree, path)
    if directory and there:
        raise ContainerError(f"{path} is not a directory, and a directory is to be copied")
    if path.endswith("/") and not directory:
        raise ContainerError(f"there is no directory {path}", hint="make it first")
    head, _, last = path.rstrip("/").rpartition("/")
    above = _mode(tree, head or "/")
    if above is None or not stat.S_ISDIR(above):
        raise ContainerError(f"there is no directory {head or '/'}", hint="make it first")
    return Place(base=head or "/", names={name: last})


def _followed(tree: Beneath, path: str) -> str:
    """Where a path leads whose last part is a link, or a link to one: that file is written to."""
    for _ in range(_MOST_LINKS):
        head, _, last = path.rpartition("/")
        parent = tree.open(head or "/", os.O_PATH | os.O_DIRECTORY)
        try:
            link = os.readlink(last, dir_fd=parent)
        except OSError:
            break  # it is none
        finally:
            os.close(parent)
        path = link if link.startswith("/") else f"{head}/{link}"
    return path


def _mode(tree: Beneath, path: str) -> int | None:
    try:
        descriptor = tree.open(path)
    except SyscallError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise
    try:
        return os.fstat(descriptor).st_mode
    finally:
        os.close(descriptor)

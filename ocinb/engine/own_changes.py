"""What a container has changed, made this user's own so that it can be read."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING

from ocinb.engine.removal import in_namespace
from ocinb.engine.subordinate_ids import subordinate_ids
from ocinb.errors import StorageError
from ocinb.layer.index import LayerIndex
from ocinb.layer.index_walk import index_directory
from ocinb.overlay.own_files import give, record_beside, take

if TYPE_CHECKING:
    from collections.abc import Iterator


def take_changes(upper: str) -> None:
    """For good: the container has ended.

    Raises:
        StorageError: it cannot be done.
    """
    if _may_be_of_others():
        answer = in_namespace(partial(take, upper, record_beside(upper)))
        # Where there are no namespaces, a container had none either.
        if answer and not _is_own(upper):
            raise _refused(answer)


def index_changes(upper: str, *, marks: bool = True) -> LayerIndex:
    """What a directory in overlay form holds, with the owners that the container sees.

    Args:
        marks: whether whiteouts are marks; else they are files as others.

    Raises:
        StorageError: it cannot be read.
    """
    # Also where there is one id only: it is the superuser's there. What is said of a whole copy
    # is compared with what was unpacked, which is this user's too.
    if os.geteuid() != 0 and (marks or _may_be_of_others()):
        written = os.memfd_create("index")
        try:
            if not in_namespace(partial(_index, upper, written, marks)):
                return LayerIndex.decode(os.pread(written, os.fstat(written).st_size, 0))
        finally:
            os.close(written)
    return index_directory(upper, marks=marks)


def _index(upper: str, written: int, marks: bool) -> None:
    with open(written, "wb", closefd=False) as file:
        file.write(index_directory(upper, marks=marks).encode())


@contextlib.contextmanager
def changes_taken(upper: str) -> Iterator[None]:
    """Until the context is left: the container is paused.

    Raises:
        StorageError: it cannot be done.
    """
    if not _may_be_of_others():
        yield
        return
    record = record_beside(upper)
    _do(partial(take, upper, record))
    try:
        yield
    finally:
        _do(partial(give, upper, record))


def _may_be_of_others() -> bool:
    return os.geteuid() != 0 and not subordinate_ids().single


def _is_own(directory: str) -> bool:
    """Whether every file beneath a directory is this user's own."""
    own = os.geteuid()
    try:
        return all(
            os.lstat(os.path.join(place, name)).st_uid == own
            for place, directories, files in os.walk(directory, onerror=_raise)
            for name in (*directories, *files)
        )
    except OSError:
        return False


def _raise(error: OSError) -> None:
    raise error


def _do(action: partial[None]) -> None:
    answer = in_namespace(action)
    if answer:
        raise _refused(answer)


def _refused(answer: str) -> StorageError:
    return StorageError(f"what the container wrote cannot be made this user's own: {answer}")

"""What a container has changed, made this user's own so that it can be read."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING

from ocinb.engine.removal import in_namespace
from ocinb.engine.subordinate_ids import subordinate_ids
from ocinb.errors import StorageError
from ocinb.overlay.own_files import give, record_beside, take

if TYPE_CHECKING:
    from collections.abc import Iterator


def take_changes(upper: str) -> None:
    """For good: the container has ended.

    Raises:
        StorageError: it cannot be done.
    """
    if _may_be_of_others():
        _do(partial(take, upper, record_beside(upper)))


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


def _do(action: partial[None]) -> None:
    answer = in_namespace(action)
    if answer:
        raise StorageError(f"what the container wrote cannot be made this user's own: {answer}")

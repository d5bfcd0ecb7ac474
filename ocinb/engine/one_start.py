"""One process at a time starts a container."""

from __future__ import annotations

import contextlib
import os

from ocinb.engine.containers import record_of
from ocinb.errors import InvalidStatus
from ocinb.linux.try_lock import try_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocinb.engine.container_files import ContainerFiles


@contextlib.contextmanager
def one_start(files: ContainerFiles, status: str) -> Iterator[None]:
    """Let one process at a time start a container that was created, or that has ended.

    Args:
        files: of the container.
        status: in which the caller has just seen it, and in which it must still be.

    Raises:
        InvalidStatus: another does so at this moment, or has just done so.
    """
    lock = os.open(files.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        record = record_of(files) if try_lock(lock) else None
        if record is None or record.status != status:
            container = os.path.basename(files.directory)
            raise InvalidStatus(f"container {container} is being started by another process")
        yield
    finally:
        os.close(lock)

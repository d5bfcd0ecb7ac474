"""Locks between processes and threads: flock on a file, released by the kernel on death."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ocinb.content.durable import make_directory, storage_errors


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock named by a file, made where missing; waits for other holders.

    Every call opens the file anew, so threads of one process exclude each other too. Not
    reentrant.

    Raises:
        StorageError: the file cannot be made.
    """
    make_directory(path.parent)
    with storage_errors("open the lock", path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

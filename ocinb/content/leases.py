"""Leases: what came into the store while one is held is not collected as garbage.

A lease is a file in ``ingest`` that its holder keeps locked; its time is when the lease began.
The kernel lets the lock go when the holder dies, so a lease cannot be left behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ocinb.content.durable import make_directory, storage_errors

_PREFIX = "lease-"


@contextlib.contextmanager
def lease(ingest: Path) -> Iterator[None]:
    """Hold a lease in this directory.

    Raises:
        StorageError: the disk refused.
    """
    make_directory(ingest)
    name = secrets.token_hex(8)
    temporary, path = ingest / f".tmp-{name}", ingest / f"{_PREFIX}{name}"
    with storage_errors("make the lease", path):
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        with storage_errors("make the lease", path):
            temporary.rename(path)  # only now, locked, can others see it
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def oldest_lease(ingest: Path) -> float | None:
    """When the oldest lease that is still held began, seconds since the epoch; None for none.

    Files of holders that died are removed.
    """
    times = []
    for path in ingest.glob(f"{_PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    times.append(os.fstat(file.fileno()).st_mtime)
                    continue
            path.unlink()
    return min(times, default=None)

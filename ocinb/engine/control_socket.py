"""The socket in a container's directory by which engines find its monitor again.

A socket's path may have 107 bytes, and a container's directory may lie deeper. So it is reached
through a descriptor of the directory.
"""

from __future__ import annotations

import contextlib
import os
import socket

_NAME = "control"


def listen(directory: str) -> socket.socket:
    """Make the socket, for this user only; the directory is private anyway.

    Raises:
        OSError: the disk refused.
    """
    made = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{directory}/{_NAME}")
        with _reached(directory) as path:
            made.bind(path)
        made.listen(16)
    except BaseException:
        made.close()
        raise
    finally:
        os.umask(before)
    return made


def connect(directory: str) -> socket.socket:
    """Connect to it.

    Raises:
        OSError: nobody listens there.
    """
    made = socket.socket(socket.AF_UNIX)
    try:
        with _reached(directory) as path:
            made.connect(path)
    except BaseException:
        made.close()
        raise
    return made


@contextlib.contextmanager
def _reached(directory: str):  # type: ignore[no-untyped-def]
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{_NAME}"
    finally:
        os.close(descriptor)

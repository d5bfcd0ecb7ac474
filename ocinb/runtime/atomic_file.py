"""Files that are either as before or whole: the state of a container, pid files."""

from __future__ import annotations

import os

from ocinb.errors import StorageError


def write_atomically(path: str, text: str, mode: int) -> None:
    """Write a file that is either as before or whole.

    Raises:
        StorageError: it could not be written.
    """
    head, _, name = path.rpartition("/")
    temporary = f"{head}/.{name}.{os.getpid()}" if head else f".{name}.{os.getpid()}"
    # A file that is there already is somebody else's, who could change it later.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            fd = os.open(temporary, flags, mode)
        except FileExistsError:
            os.unlink(temporary)
            fd = os.open(temporary, flags, mode)
        try:
            data = text.encode("utf-8", "surrogateescape")
            while data:
                data = data[os.write(fd, data) :]
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except OSError as error:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise storage_error(path, error) from None


def storage_error(path: str, error: OSError) -> StorageError:
    """The error for a file that cannot be written, with its name and the reason."""
    return StorageError(f"{path} cannot be written: {os.strerror(error.errno or 0).lower()}")

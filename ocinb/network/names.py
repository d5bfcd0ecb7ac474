"""The files in which a container looks up names: /etc/hosts of every container of a network.

They are changed in place, for the container has the very file mounted: another one of that name
would not be seen.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LARGEST = 1 << 20
"""Bytes of a hosts file that we still change: a container may write to its own."""


def line(ip: str, names: Iterable[str]) -> str:
    """A line of a hosts file."""
    return f"{ip}\t{' '.join(names)}"


def write_hosts(path: str, lines: Sequence[str]) -> None:
    """Give a hosts file these lines."""
    if path:
        _write(path, "".join(f"{each}\n" for each in lines).encode())


def add_lines(path: str, added: Iterable[str]) -> None:
    """Add lines to a hosts file, by one write."""
    text = "".join(f"{each}\n" for each in added)
    if not text:
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return  # that container is gone
    try:
        os.write(fd, text.encode())
    except OSError:
        return
    finally:
        os.close(fd)


def remove_line(path: str, removed: str) -> None:
    """Remove a line from a hosts file; what else its container wrote there stays."""
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError:
        return
    if len(content) > _LARGEST:
        return
    lines = content.split(b"\n")
    kept = [each for each in lines if each != removed.encode()]
    if kept != lines:
        _write(path, b"\n".join(kept))


def _write(path: str, content: bytes) -> None:
    """Overwrite, then cut: whoever reads meanwhile never finds the file empty."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        os.pwrite(fd, content, 0)
        os.ftruncate(fd, len(content))
    except OSError:
        return
    finally:
        os.close(fd)

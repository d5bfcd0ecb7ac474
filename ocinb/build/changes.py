"""Putting a changeset together by hand: entries with their parents before them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ocinb.errors import UnsupportedHost
from ocinb.layer import changeset
from ocinb.layer.changeset import Entry
from ocinb.layer.links import parts, walk


class Changes:
    """The changes of one layer, in the order in which they are made.

    Parents that were not named are added, root's and 0755, as other tools do, since some apply a
    layer without looking at those below it.

    Args:
        history: what the layer is for, in plain words.
        epoch: the time of every entry, seconds.
    """

    def __init__(self, history: str, epoch: int) -> None:
        self.history = history
        self._mtime = epoch * 10**9
        self._entries: dict[tuple[str, str], Entry] = {}

    @property
    def entries(self) -> list[Entry]:
        """The entries, parents first."""
        return list(self._entries.values())

    def directory(self, path: str, mode: int = 0o755, owner: int = 0) -> None:
        """Add a directory; ``owner`` is its user and group."""
        self._add(Entry(path, changeset.DIRECTORY, mode, owner, owner))

    def text(self, path: str, text: str, mode: int = 0o644) -> None:
        """Add a file with this content."""
        data = text.encode()
        self._add(Entry(path, changeset.FILE, mode, size=len(data), source=data))

    def symlink(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(Entry(path, changeset.SYMLINK, 0o777, linkname=target))

    def hardlink(self, path: str, target: str) -> None:
        """Add another name of a file of this layer."""
        self._add(Entry(path, changeset.HARDLINK, linkname=target))

    def whiteout(self, path: str) -> None:
        """Remove a path of the layers below."""
        self._add(Entry(path, changeset.WHITEOUT))

    def opaque(self, path: str) -> None:
        """Remove all children that the layers below gave a directory."""
        self.directory(path)
        self._add(Entry(path, changeset.OPAQUE), key="opaque")

    def host_file(self, source: Path) -> None:
        """Add a file of this machine under its own path, with the links that lead to it.

        Each link on the way is added as a link and the file under its real path, so that a
        program or loader finds it by the same name.

        Raises:
            UnsupportedHost: links lead in a circle. OSError: a file cannot be read.
        """
        links, real = trace(source)
        for path, target in links:
            self.symlink(path, target)
        status = os.stat(source)
        mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        self._add(Entry(real, changeset.FILE, mode, size=status.st_size, source=Path("/", real)))

    def _add(self, entry: Entry, key: str = "") -> None:
        parts = entry.path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            parent = "/".join(parts[:count])
            if ("", parent) not in self._entries:
                self._entries["", parent] = Entry(
                    parent, changeset.DIRECTORY, 0o755, mtime=self._mtime
                )
        entry.mtime = self._mtime
        self._entries[key, entry.path] = entry


def trace(path: Path) -> tuple[list[tuple[str, str]], str]:
    """Follow an absolute path of this machine, one component at a time.

    Returns:
        The symbolic links on the way as ``(real path of the link, target)``, and the real path of
        what it leads to; paths are relative to ``/``.

    Raises:
        UnsupportedHost: links lead in a circle. OSError: something is missing.
    """
    links: list[tuple[str, str]] = []
    real: list[str] = []

    def step(name: str) -> str | None:
        here = "/".join((*real, name))
        if not stat.S_ISLNK(os.lstat(f"/{here}").st_mode):
            real.append(name)
            return None
        target = os.readlink(f"/{here}")
        links.append((here, target))
        return target

    circle = UnsupportedHost(f"{path} leads through too many symbolic links")
    walk(real, parts(path.as_posix()), step, circle)
    return links, "/".join(real)

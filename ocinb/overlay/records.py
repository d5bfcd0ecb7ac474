"""Records of mounts: a file for each, so that whoever comes after a crash knows what to undo."""

from __future__ import annotations

import contextlib
import json
import os

from ocinb.amended_json import amend, amended
from ocinb.errors import StorageError
from ocinb.frozen import Frozen
from ocinb.overlay.plan import COPY, FUSE
from ocinb.whole_file import write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ocinb.linux.mounts import MountInfo

MOUNTING = "mounting"
MOUNTED = "mounted"


class Mount(Frozen):
    """A mount of ours.

    Attributes:
        token: names the record, and is the source that mountinfo shows.
        target: absolute and resolved.
        kind: ``overlay``, ``fuse-overlayfs`` or ``copy``.
        layers: bottom to top.
        options: as mount(8) would take them.
        why: why it is this kind: what the probe found.
        writable: the directory that holds ``upper`` and ``work``; empty: read-only.
        status: ``mounting`` or ``mounted``.
        keep: whether it is meant to outlive the process that made it.
        owner: that process, as pid and start time.
        made_target: whether the directory ``target`` was made for it.
        device: ``major:minor`` of the mounted filesystem; empty for a copy, or until mounted.
    """

    token: str
    target: str
    kind: str
    layers: tuple[str, ...]
    options: str
    why: str = ""
    writable: str = ""
    status: str = MOUNTED
    keep: bool = False
    owner: tuple[int, int] = (0, 0)
    made_target: bool = False
    device: str = ""

    def among(self, visible: Iterable[MountInfo]) -> bool:
        """Whether this mount is there, given what is mounted; a copy always is."""
        return self.kind == COPY or any(map(self.matches, visible))

    def matches(self, info: MountInfo) -> bool:
        """Whether a line of mountinfo is this mount."""
        if self.kind == FUSE:
            same_place = info.fstype == "fuse.fuse-overlayfs" and info.target == self.target
            return same_place and self.device in ("", info.device)
        return info.source == self.token


class MountRecords:
    """The files of a directory, one for each mount; iterating gives the mounts, oldest first.

    Args:
        directory: made when the first is written.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def write(self, mount: Mount) -> None:
        """Keep a mount's record, whole or not at all.

        Raises:
            StorageError: the disk refused.
        """
        try:
            os.makedirs(self._directory, 0o700, exist_ok=True)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{self._directory} cannot be made: {reason}") from error
        write_whole(self._path(mount), json.dumps(dict(mount), ensure_ascii=False))

    def amend(self, mount: Mount, **changes: str) -> Mount:
        """Change what a record says; the mount as it is recorded now.

        Raises:
            StorageError: the disk refused.
        """
        path = self._path(mount)
        try:
            amend(path, changes)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{path} cannot be written: {reason}") from error
        return Mount(**dict(mount) | changes)

    def remove(self, mount: Mount) -> None:
        """Forget a mount; one that has no record is no error."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(mount))

    def __iter__(self) -> Iterator[Mount]:
        """Each mount.

        Raises:
            StorageError: a record is damaged.
        """
        try:
            names = [name for name in os.listdir(self._directory) if name.endswith(".json")]
        except FileNotFoundError:
            return
        paths = [f"{self._directory}/{name}" for name in names]
        for path in sorted(paths, key=_changed):
            try:
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    yield _from_json(amended(file.read()))
            except FileNotFoundError:
                continue  # unmounted meanwhile by another process
            except (ValueError, TypeError, AttributeError):
                raise StorageError(
                    f"{path} is damaged: it is not the record of a mount",
                    hint="look for its mount with findmnt, unmount it, and remove the file",
                ) from None

    def _path(self, mount: Mount) -> str:
        return f"{self._directory}/{mount.token}.json"


def _from_json(document: dict[str, Any]) -> Mount:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    return Mount(**values)


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0

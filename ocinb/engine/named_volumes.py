"""Volumes that outlive containers: directories that we keep, by name.

::

    volumes/NAME/volume.json   when it was made, and its labels
    volumes/NAME/data          what containers see

A container's record says which volumes it uses, from the moment in which its name is taken, so
none of them is removed under it.

What an image asks for without a name lies in the container's own directory as long as that is
there, and is listed under a name that was made up of its id. With the container it is removed, or
else kept: it moves here then.

Spec: none (Docker convention)
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ocinb.engine.container_files import ContainerFiles, read_json, write_json
from ocinb.engine.removal import remove_files
from ocinb.errors import StorageError, VolumeError
from ocinb.frozen import Frozen

VOLUMES = "volumes"
"""In a bundle: a directory for each volume that the image asks for."""
DATA = "data"
_DOCUMENT = "volume.json"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")


class NamedVolume(Frozen):
    """A volume.

    Attributes:
        name: unique among the volumes of this user.
        path: the directory that containers see.
        created: seconds since the epoch.
        labels: for people.
        used_by: names of the containers that have it mounted, or would.
        anonymous: whether its name was made up, for a volume that an image asks for.
    """

    name: str
    path: Path
    created: float
    labels: Mapping[str, str]
    used_by: tuple[str, ...]
    anonymous: bool = False


def make_data(path: Path) -> None:
    """Make the directory of a volume for all users of a container, whatever our umask.

    Raises:
        OSError.
    """
    path.mkdir(parents=True)
    path.chmod(0o755)


class NamedVolumes:
    """The volumes of this user.

    Args:
        root: their directory; made when the first one is.
        containers: the directory of the containers, which tell what they use.
    """

    def __init__(self, root: Path, containers: Path) -> None:
        self._root = root
        self._containers = containers

    def create(self, name: str | None = None, labels: Mapping[str, str] = {}) -> NamedVolume:
        """Make a volume.

        Args:
            name: None: one is made up.

        Raises:
            VolumeError: the name is in use, or is none. StorageError.
        """
        with self._locked():
            chosen = name or os.urandom(16).hex()
            if self._document(chosen):
                raise VolumeError(f"there is a volume {chosen} already")
            self._make(chosen, labels)
        return self.get(chosen)

    def use(self, name: str, fill: Callable[[Path], None] | None) -> Path:
        """The directory of a volume for a container, made where it is missing.

        Args:
            fill: given the path of a directory to be made with the first content of a volume
                that is empty; None: it stays empty.

        Raises:
            VolumeError: it is no name, or goes with another container. StorageError.
        """
        with self._locked():
            if not self._document(name):
                for volume in self._of_containers():
                    if volume.name == name:
                        raise VolumeError(
                            f"volume {name} goes with container {volume.used_by[0]}",
                            hint="give it a name there, as in --volume NAME:PATH",
                        )
                self._make(name, {})
            data = self.path(name)
            # Another one's mount would keep the empty directory.
            if fill and _empty(data) and len(self._users().get(name, ())) <= 1:
                fresh = data.with_name("fresh")
                remove_files(str(fresh))
                fill(fresh)
                os.rename(fresh, data)
        return data

    def all(self) -> list[NamedVolume]:
        """All volumes, by name."""
        users = self._users()
        names = os.listdir(self._root) if self._root.is_dir() else []
        own = (
            self._volume(name, document, users)
            for name in names
            if _NAME.fullmatch(name) and (document := self._document(name))
        )
        return sorted([*own, *self._of_containers()], key=lambda volume: volume.name)

    def get(self, name: str) -> NamedVolume:
        """One volume.

        Raises:
            VolumeError: there is none.
        """
        document = self._document(name) if _NAME.fullmatch(name) else {}
        if not document:
            for volume in self._of_containers():
                if volume.name == name:
                    return volume
            raise VolumeError(f"there is no volume {name}", hint="ocinb volume ls lists them")
        return self._volume(name, document, self._users())

    def remove(self, name: str) -> None:
        """Remove a volume with all that is in it.

        Raises:
            VolumeError: there is none, or a container uses it. StorageError.
        """
        with self._locked():
            volume = self.get(name)
            if volume.used_by:
                raise VolumeError(
                    f"volume {name} is used by {', '.join(volume.used_by)}",
                    hint="ocinb rm the container first",
                )
            self._remove(name)

    def keep(self, files: ContainerFiles) -> None:
        """Let what a container's image asked for outlive the container, which has ended.

        Raises:
            StorageError.
        """
        with self._locked():
            for volume in self._of_container(files):
                place = volume.path.parent
                document = {"created": volume.created, "labels": {}, "anonymous": True}
                write_json(f"{place}/{_DOCUMENT}", document)
                try:
                    os.rename(place, self._root / volume.name)
                except OSError as error:
                    reason = os.strerror(error.errno or 0).lower()
                    raise StorageError(f"{place} cannot be kept: {reason}") from error

    def _of_containers(self) -> Iterator[NamedVolume]:
        """What images asked for, of all containers that are there."""
        with contextlib.suppress(FileNotFoundError):
            for container in os.listdir(self._containers):
                yield from self._of_container(ContainerFiles(f"{self._containers}/{container}"))

    def _of_container(self, files: ContainerFiles) -> Iterator[NamedVolume]:
        document = read_json(files.record)
        places = Path(files.bundle, VOLUMES)
        if not document or not places.is_dir():
            return
        for number in sorted(os.listdir(places)):
            yield NamedVolume(
                name=hashlib.sha256(f"{document['id']}/{number}".encode()).hexdigest(),
                path=places / number / DATA,
                created=document["created"],
                labels={},
                used_by=(document["name"],),
                anonymous=True,
            )

    def prune(self) -> list[str]:
        """Remove the volumes that no container uses; their names."""
        with self._locked():
            unused = [volume.name for volume in self.all() if not volume.used_by]
            for name in unused:
                self._remove(name)
        return unused

    def _make(self, name: str, labels: Mapping[str, str]) -> None:
        if not _NAME.fullmatch(name):
            raise VolumeError(
                f"{name!r} is not a name for a volume",
                hint="letters, digits, '_', '.' and '-', not starting with one of the latter",
            )
        try:
            make_data(self.path(name))
        except FileExistsError:
            pass  # a removal was killed
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"volume {name} cannot be made: {reason}") from error
        write_json(self._record(name), {"created": time.time(), "labels": dict(labels)})

    def _remove(self, name: str) -> None:
        # Without its document it does not exist, whatever else is still there.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._record(name))
        try:
            remove_files(str(self._root / name))
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"volume {name} cannot be removed: {reason}") from error

    def _volume(
        self, name: str, document: dict[str, object], users: dict[str, list[str]]
    ) -> NamedVolume:
        labels = document.get("labels")
        created = document.get("created")
        return NamedVolume(
            name=name,
            path=self.path(name),
            created=created if isinstance(created, float) else 0.0,
            labels=labels if isinstance(labels, dict) else {},
            used_by=tuple(sorted(users.get(name, ()))),
            anonymous=bool(document.get("anonymous")),
        )

    def _users(self) -> dict[str, list[str]]:
        """Volume → the names of containers that use it."""
        users: dict[str, list[str]] = {}
        with contextlib.suppress(FileNotFoundError):
            for container in os.listdir(self._containers):
                document = read_json(f"{self._containers}/{container}/container.json")
                for volume in document.get("volumes") or ():
                    users.setdefault(volume, []).append(document["name"])
        return users

    def _document(self, name: str) -> dict[str, object]:
        return read_json(self._record(name))

    def _record(self, name: str) -> str:
        return f"{self._root}/{name}/{_DOCUMENT}"

    def path(self, name: str) -> Path:
        """The directory that containers see of a volume, whether it is there or not."""
        return self._root / name / DATA

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time makes and removes volumes."""
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{self._root} cannot be used: {reason}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _empty(directory: Path) -> bool:
    """Whether nothing is in it; what a subordinate id has closed to us holds something."""
    try:
        return not os.listdir(directory)
    except PermissionError:
        return False

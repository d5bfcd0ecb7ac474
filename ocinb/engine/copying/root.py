"""The tree of a container, whether it runs or has ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ocinb.engine.container_files import ContainerFiles, Process, read_json
from ocinb.engine.containers import ContainerRecord
from ocinb.engine.copying.copy import Root
from ocinb.engine.launch import Shim
from ocinb.engine.rung import Rung
from ocinb.engine.stacked import Stacked
from ocinb.errors import ContainerError, InvalidStatus, StorageError
from ocinb.events import ignore
from ocinb.frozen import Frozen
from ocinb.linux.try_lock import try_lock
from ocinb.spec.runtime_state import CREATING

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_TIDY = 5.0
"""Seconds that a monitor has to clean up after the end of its container."""


class _Volume(Frozen):
    """A directory that is bound into a container.

    Attributes:
        source: the directory.
        place: where it is in the container.
        path: in it.
        readonly: whether the container may not write there.
    """

    source: str
    place: str
    path: str
    readonly: bool


@contextlib.contextmanager
def root_of(
    files: ContainerFiles,
    record: ContainerRecord,
    path: str,
    layers: Callable[[], Sequence[Path]],
    rung: Rung,
) -> Iterator[tuple[Root, str]]:
    """A container's tree and a path in it.

    One that has ended has no mounts any more: its layers are stacked anew while it is looked at,
    by a monitor of their own. A path in one of its volumes then leads into the volume itself.

    Args:
        files: its directory.
        record: it, as it is now.
        path: absolute, as the container sees it.
        layers: of its image, unpacked where they are not.
        rung: how layers are stacked here.

    Raises:
        ContainerError: its files cannot be reached. InvalidStatus: it is just being created.
    """
    if record.status == CREATING:
        raise InvalidStatus(f"container {record.name} is just being created")
    process = files.read_process(files.init) if record.pid else None
    with contextlib.ExitStack() as kept:
        root = _open_process(kept, record.name, process) if process is not None else None
        if root is None:
            _await_tidiness(files)
        elif not os.path.samestat(os.fstat(root.tree), os.stat("/")):
            yield root, path
            return
        # It has ended, or its process only pretends to have a root of its own.
        volume = _volume(files, path)
        if volume is not None:
            root = _open(kept, record.name, volume.source, volume=volume)
            path = volume.path
        elif os.path.isdir(files.rootfs) and os.listdir(files.rootfs):
            # A plain tree: its layers were copied, not stacked.
            root = _open(kept, record.name, files.rootfs)
        else:
            tree, holder = kept.enter_context(_stacked(files, layers(), rung))
            root = _open_process(kept, record.name, holder, tree)
        if root is None:
            raise ContainerError(f"the files of container {record.name} are not there any more")
        if volume is None and _readonly(files):
            # Where the container runs, the kernel says so.
            root = Root(**{**dict(root), "readonly": True})
        yield root, path


def _readonly(files: ContainerFiles) -> bool:
    root = read_json(f"{files.bundle}/config.json").get("root") or {}
    return bool(root.get("readonly"))


def _open_process(
    kept: contextlib.ExitStack, name: str, process: Process, tree: str = ""
) -> Root | None:
    """The tree and the user namespace of a process; None where it is gone."""
    of = f"/proc/{process.pid}"
    root = _open(kept, name, tree or f"{of}/root", f"{of}/ns/user")
    # Only now that they are open can the start time prove whose they are: another process may
    # have had the number by then, perhaps one with this machine's root.
    return root if process.alive else None


def _open(
    kept: contextlib.ExitStack,
    name: str,
    tree: str,
    namespace: str = "/proc/self/ns/user",
    volume: _Volume | None = None,
) -> Root | None:
    """What two paths lead to at this moment; None where that is nothing.

    Raises:
        ContainerError: it cannot be opened.
    """
    try:
        return Root(
            name=name,
            tree=kept.enter_context(_opened(tree, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)),
            namespace=kept.enter_context(_opened(namespace, os.O_RDONLY | os.O_CLOEXEC)),
            place=volume.place if volume else "",
            readonly=volume is not None and volume.readonly,
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        subject = f"the files of container {name}"
        raise ContainerError(f"{subject} could not be copied: {reason}") from None


def _await_tidiness(files: ContainerFiles) -> None:
    """The monitor of a container that has just ended has its layers mounted for a moment yet."""
    monitor, end = files.read_process(files.monitor), time.monotonic() + _TIDY
    while monitor and monitor.alive and "clean" not in read_json(files.exit):
        if time.monotonic() > end:
            return
        time.sleep(0.02)


def _volume(files: ContainerFiles, path: str) -> _Volume | None:
    """What is bound where a path is."""
    clean = _normal(path)
    # What these say of a path's end is lost in the normal form: that a directory is meant.
    ending = next((end for end in ("/.", "/") if path.endswith(end)), "")
    mounts = read_json(f"{files.bundle}/config.json").get("mounts") or ()
    found = None
    for mount in mounts:
        place, source = _normal(str(mount["destination"])), str(mount.get("source"))
        inside = clean == place or clean.startswith(f"{place}/")
        if mount.get("type") == "bind" and inside and os.path.isdir(source):
            access = [word for word in mount.get("options") or () if word in ("ro", "rw")]
            found = _Volume(
                source=source,
                place=place,
                path=clean[len(place) :] + ending or "/",
                readonly=access[-1:] == ["ro"],
            )
    return found


def _normal(path: str) -> str:
    """An absolute path without dots; the kernel has no roots of two slashes, as normpath has."""
    return os.path.normpath("/" + path.lstrip("/"))


@contextlib.contextmanager
def _stacked(
    files: ContainerFiles, layers: Sequence[Path], rung: Rung
) -> Iterator[tuple[str, Process]]:
    """The tree of layers and what the container wrote, and the monitor that holds it."""
    with _scratch(Path(files.directory).parents[1] / "looking") as scratch:
        os.makedirs(scratch.rootfs)
        os.symlink(files.writable, scratch.writable)
        with Shim(scratch, ignore) as shim:
            tree = os.fspath(Stacked(shim, layers, rung))
            monitor = scratch.read_process(scratch.monitor)
            assert monitor is not None
            yield tree, monitor


@contextlib.contextmanager
def _scratch(parent: Path) -> Iterator[ContainerFiles]:
    """A directory like a container's; who holds its lock uses it, so what crashes left is known.

    Raises:
        StorageError: it cannot be made.
    """
    try:
        parent.mkdir(mode=0o700, exist_ok=True)
        with _opened(parent) as all_of_them:
            fcntl.flock(all_of_them, fcntl.LOCK_EX)
            _sweep(parent)
            directory = Path(tempfile.mkdtemp(dir=parent))
            lock = os.open(directory, _DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_SH)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{parent} cannot be used: {reason}") from error
    try:
        yield ContainerFiles(str(directory))
    finally:
        _remove(directory)
        os.close(lock)


@contextlib.contextmanager
def _opened(path: str | Path, flags: int = _DIRECTORY) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    for path in parent.iterdir():
        with contextlib.suppress(OSError), _opened(path) as descriptor:
            if try_lock(descriptor):
                _remove(path)


def _remove(directory: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(directory / "rw")  # the container's own
    shutil.rmtree(directory, ignore_errors=True)

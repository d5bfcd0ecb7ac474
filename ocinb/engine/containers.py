"""All containers of this user: who they are, and what is true of each right now."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ocinb.engine.container_files import (
    ContainerFiles,
    Process,
    being_removed,
    read_json,
    write_json,
)
from ocinb.engine.happenings import note
from ocinb.engine.health import HealthCheck
from ocinb.engine.removal import remove_files
from ocinb.engine.restarting import NO, RestartPolicy, policy_of
from ocinb.engine.unnoted_start import was_started
from ocinb.errors import ContainerError, ContainerExists, ContainerNotFound, StorageError
from ocinb.frozen import Frozen
from ocinb.linux.process_cgroup import cgroup_of
from ocinb.linux.syscalls import Kernel
from ocinb.spec.reference import Reference
from ocinb.spec.runtime_state import CREATED, CREATING, PAUSED, RESTARTING, RUNNING, STOPPED

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")


class ContainerRecord(Frozen):
    """A container as ``ps`` shows it.

    Attributes:
        id: twelve hexadecimal digits; also the container's id for the OCI runtime.
        name: unique among all containers of this user.
        image: the whole name of its image.
        status: as in runtime-spec runtime.md#state, ``paused`` or ``restarting``; found out at
            this moment.
        pid: of the container's first process; 0 when there is none.
        created: seconds since the epoch.
        command: the program and its arguments.
        exit_status: as a shell has it; None while it runs, and where nobody saw it end.
        started: when its program was started, seconds since the epoch; None: never.
        ended: when it ended; None while it runs, and where nobody saw it.
        volumes: the names of the volumes that it uses.
        ports: those of this machine that lead into it, as in ``127.0.0.1:8080->80/tcp``.
        runtime: the OCI runtime's name.
        error: why it never ran; empty otherwise.
        out_of_memory: that the kernel killed processes of it for lack of memory; empty otherwise.
        restart_policy: as in ``on-failure:3``.
        restarts: how often its monitor has run it again, since a person last started it.
        health: ``starting``, ``healthy`` or ``unhealthy``; empty where nobody asks, and where it
            does not run.
    """

    id: str
    name: str
    image: str
    status: str
    pid: int
    created: float
    command: tuple[str, ...]
    exit_status: int | None
    runtime: str
    error: str = ""
    out_of_memory: str = ""
    started: float | None = None
    ended: float | None = None
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    restart_policy: str = NO
    restarts: int = 0
    health: str = ""


class Containers:
    """The directory of all containers.

    Args:
        root: made when the first is claimed.
        runtime_root: ``--root`` of the runtimes, which know of starts that are not written down;
            None: those are not asked about.
    """

    def __init__(self, root: Path, runtime_root: Path | None = None) -> None:
        self._root = root
        self._runtime_root = runtime_root

    def claim(
        self,
        *,
        image: str,
        runtime: str,
        name: str | None,
        command: Sequence[str],
        manifest: str = "",
        volumes: Sequence[str] = (),
        restart: RestartPolicy | None = None,
        strace: str = "",
        health: HealthCheck | None = None,
    ) -> ContainerFiles:
        """A directory for a new container; its name is taken from now on.

        Args:
            manifest: the digest of the image's manifest: its name may point elsewhere later.
            volumes: the names of the volumes that it uses, which are kept as long as it is.
            restart: when it is run again; None: never.
            strace: the program that traces it; empty: none does.
            health: how its health is checked; None: it is not.

        Raises:
            ContainerExists: the name is in use. ContainerError: it is not a name.
            StorageError: the disk refused.
        """
        with self._locked():
            self._sweep()
            if name is not None:
                self.check_free(name)
            container = os.urandom(6).hex()
            files = ContainerFiles(str(self._root / container))
            document = {
                "id": container,
                "name": name or _invent(image, container),
                "image": image,
                "manifest": manifest,
                "runtime": runtime,
                "created": time.time(),
                "command": list(command),
                "volumes": list(volumes),
                "creator": dict(Process.of(os.getpid())),
            }
            if restart is not None and restart.name != NO:
                document["restart"] = dict(restart)
            if strace:
                document["strace"] = strace
            if health is not None:
                document["health"] = dict(health)
            try:
                for directory in (files.rootfs, files.writable):
                    os.makedirs(directory)
                write_json(files.record, document)
            except OSError as error:
                self.forget(files)
                reason = os.strerror(error.errno or 0).lower()
                raise StorageError(f"{files.directory} cannot be made: {reason}") from error
            except StorageError:
                self.forget(files)
                raise
        note(files, "create")
        return files

    def forget(self, files: ContainerFiles, *, rest: bool = True) -> None:
        """Remove a container's directory; its name is free again.

        Args:
            rest: False leaves all but the record to the container's monitor, which is there.
        """
        note(files, "remove")
        # Without its record the container does not exist, whatever else is still there.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(files.record)
        if rest:
            remove_files(files.directory)

    def rename(self, name: str, new: str) -> ContainerRecord:
        """Give a container another name.

        Raises:
            ContainerNotFound. ContainerExists: the name is in use. ContainerError: it is none.
            StorageError.
        """
        with self._locked():
            files, record = self.find(name)
            if record.name == new:
                return record
            self.check_free(new)
            document = read_json(files.record)
            write_json(files.record, {**document, "name": new})
        note(files, "rename", detail=f"before: {record.name}")
        return self.find(record.id)[1]

    def set_restart(self, name: str, policy: RestartPolicy) -> None:
        """Have a container run again by another policy, from its next end on.

        Raises:
            ContainerNotFound. StorageError.
        """
        with self._locked():
            files, _ = self.find(name)
            document = read_json(files.record)
            document.pop("restart", None)
            if policy.name != NO:
                document["restart"] = dict(policy)
            write_json(files.record, document)
        note(files, "update", detail=f"restart: {policy}")

    def find(self, name: str) -> tuple[ContainerFiles, ContainerRecord]:
        """A container by its name, its id, or the beginning of its id.

        Raises:
            ContainerNotFound: there is none. ContainerError: there are several.
        """
        found = [
            (files, document)
            for files, document in self._all()
            if name in (document["name"], document["id"])
            or (len(name) >= 2 and document["id"].startswith(name))
        ]
        exact = [pair for pair in found if pair[1]["name"] == name] or found
        if not exact:
            raise ContainerNotFound(f"there is no container {name}", hint="ocinb ps lists them")
        if len(exact) > 1:
            raise ContainerError(f"{name} is the beginning of several containers' ids")
        files, document = exact[0]
        return files, _record(files, document, self._runtime_root)

    def list(self) -> list[ContainerRecord]:
        """All containers, oldest first, each as it is at this moment."""
        records = [_record(files, document, self._runtime_root) for files, document in self._all()]
        return sorted(records, key=lambda record: record.created)

    def sweep(self) -> None:
        """Remove what is left of containers whose removal was itself killed."""
        with self._locked():
            self._sweep()

    def check_free(self, name: str) -> None:
        """See that a container can have a name.

        Raises:
            ContainerExists: another one has it. ContainerError: it is no name.
        """
        _check_name(name)
        for _, document in self._all():
            if name in (document["name"], document["id"]):
                raise ContainerExists(
                    f"there is a container {name} already",
                    hint=f"choose another name, or: ocinb rm --force {name}",
                )

    def _sweep(self) -> None:
        """The lock is held: no container is being made, so each must have its record."""
        for name in os.listdir(self._root):
            path = self._root / name
            files = ContainerFiles(str(path))
            if path.is_dir() and not os.path.exists(files.record) and not being_removed(files):
                remove_files(str(path))

    def _all(self) -> Iterator[tuple[ContainerFiles, dict[str, Any]]]:
        try:
            names = os.listdir(self._root)
        except FileNotFoundError:
            return
        for name in names:
            files = ContainerFiles(str(self._root / name))
            document = read_json(files.record)
            if document:
                yield files, document

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time gives names."""
        path = self._root / ".lock"
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StorageError(f"{path} cannot be opened: {reason}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ContainerError(
            f"{name!r} is not a name for a container",
            hint="letters, digits, '_', '.' and '-', at most 63, not starting with the latter",
        )


def record_of(files: ContainerFiles) -> ContainerRecord | None:
    """The container of a directory, as it is at this moment; None once it was removed."""
    document = read_json(files.record)
    return _record(files, document) if document else None


def _record(
    files: ContainerFiles, document: dict[str, Any], runtime_root: Path | None = None
) -> ContainerRecord:
    # In this order: what is read later happened later, so a change in between does not confuse.
    init = files.read_process(files.init)
    alive = init is not None and init.alive
    started = os.path.exists(files.started)
    ended = read_json(files.exit)
    if alive and not ended.get("again"):
        ended = {}
    if alive and not started and runtime_root is not None:
        started = was_started(document["id"], document["runtime"], runtime_root)
    status = _status(files, document, alive, started, ended)
    policy = policy_of(document)
    return ContainerRecord(
        id=document["id"],
        name=document["name"],
        image=document["image"],
        status=status,
        pid=init.pid if alive and init else 0,
        created=document["created"],
        command=tuple(document["command"]),
        exit_status=ended.get("exit_status"),
        runtime=document["runtime"],
        error=ended.get("error", ""),
        out_of_memory=ended.get("out_of_memory", ""),
        started=read_json(files.started).get("time") if started else None,
        ended=ended.get("time"),
        volumes=tuple(document.get("volumes") or ()),
        ports=_lines(files.ports) if alive else (),
        restart_policy=str(policy),
        restarts=read_json(files.restarts).get("times", 0) if policy.name != NO else 0,
        health=read_json(files.health).get("status", "") if alive and "health" in document else "",
    )


def _lines(path: str) -> tuple[str, ...]:
    """The lines of a file; none where it is not there."""
    try:
        with open(path, encoding="utf-8") as file:
            return tuple(file.read().splitlines())
    except OSError:
        return ()


def _status(
    files: ContainerFiles,
    document: dict[str, Any],
    alive: bool,
    started: bool,
    ended: dict[str, Any],
) -> str:
    """What is true, by the processes that are there; a file alone proves no life.

    Spec: runtime-spec runtime.md#state (status)
    """
    if ended.get("again"):
        monitor = files.read_process(files.monitor)
        if monitor and monitor.alive:
            return RESTARTING
    if alive:
        return _living(files, started)
    if ended:
        return STOPPED
    init, monitor = files.read_process(files.init), files.read_process(files.monitor)
    if init is not None:
        if started and monitor and monitor.alive:  # it is about to note how the program ended
            return RUNNING
        return STOPPED
    makers = (monitor, Process(**document["creator"]))
    return CREATING if any(maker and maker.alive for maker in makers) else STOPPED


def _living(files: ContainerFiles, started: bool) -> str:
    init = files.read_process(files.init)
    group = cgroup_of(Kernel(), init.pid) if started and init is not None else None
    if group is not None and group.frozen():
        return PAUSED
    return RUNNING if started else CREATED


def _invent(image: str, container: str) -> str:
    """A name for who did not choose one: the image's, and the beginning of the id."""
    last = Reference.parse(image).repository.rpartition("/")[2]
    return f"{last[:40]}-{container[:6]}"

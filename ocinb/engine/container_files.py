"""The directory of a container: which file says what.

Engine, monitor and every later command know a container by these files alone, so any of them can
be killed at any moment, and the next one still finds out what is true. Each file is written once
or replaced as a whole; records of mounts are amended by a line.

::

    container.json   what was asked for; written by the engine before anything else
    monitor.json     which process watches over the container
    init.json        which process is the container's first
    joined.json      whose namespaces it shares: type → container
    started          when the program was started
    again.json       the orders by which it was made, to make it again once it has ended
    health.json      what came of the last checks of its health; see ``health_watch``
    restarts.json    how often its monitor has run it again, where its policy says so
    control          the socket of the monitor, see ``control_socket``
    exit.json        how the container ended; written before it is cleaned up
    events.jsonl     what happened, one event a line
    strace           what strace saw of its program; see ``strace_output``
    log, log.1       the last 10 MB or more of what the program wrote; see ``log_file``
    runtime.log      what the OCI runtime complained of
    monitor.log      what the monitor complained of
    bundle/          config.json and rootfs
    rw/              the writable layer
    mounts/          records of the mounts in the monitor's mount namespace
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os

from ocinb.frozen import Frozen
from ocinb.linux.processes import alive, start_time
from ocinb.linux.try_lock import try_lock
from ocinb.whole_file import write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Process(Frozen):
    """A process that cannot be mistaken for another one that has its number later."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether it is still there, and not a zombie."""
        return alive(self.pid, self.started)

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has this number now."""
        return cls(pid=pid, started=start_time(pid))


class ContainerFiles:
    """The paths of one container's directory, and the small documents in it."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.record = f"{directory}/container.json"
        self.monitor = f"{directory}/monitor.json"
        self.init = f"{directory}/init.json"
        self.started = f"{directory}/started"
        self.exit = f"{directory}/exit.json"
        self.events = f"{directory}/events.jsonl"
        self.strace = f"{directory}/strace"
        self.log = f"{directory}/log"
        self.runtime_log = f"{directory}/runtime.log"
        self.monitor_log = f"{directory}/monitor.log"
        self.again = f"{directory}/again.json"
        self.restarts = f"{directory}/restarts.json"
        self.health = f"{directory}/health.json"
        self.pid_file = f"{directory}/init.pid"
        self.bundle = f"{directory}/bundle"
        self.rootfs = f"{directory}/bundle/rootfs"
        self.ports = f"{directory}/bundle/network/ports"
        self.joined = f"{directory}/joined.json"
        self.writable = f"{directory}/rw"
        self.mounts = f"{directory}/mounts"

    def read_process(self, path: str) -> Process | None:
        """The process that a document names, or None before it is written."""
        document = read_json(path)
        return Process(pid=document["pid"], started=document["started"]) if document else None


def read_json(path: str) -> dict[str, Any]:
    """The object of a document; empty where it is not there (yet, or any more)."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            document = json.load(file)
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


@contextlib.contextmanager
def removing(files: ContainerFiles) -> Iterator[None]:
    """Let it be seen that a container's directory is being removed, until the block is left."""
    descriptor = os.open(files.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def being_removed(files: ContainerFiles) -> bool:
    """Whether another process is removing a container's directory."""
    try:
        descriptor = os.open(files.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: str, document: dict[str, Any]) -> None:
    """Write a document, whole or not at all.

    Raises:
        StorageError: the disk refused.
    """
    write_whole(path, json.dumps(document, ensure_ascii=False) + "\n")

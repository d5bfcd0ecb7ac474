"""Operations on containers that exist, by whatever process, whenever: only the files are needed."""

from __future__ import annotations

import contextlib
import json
import os
import signal as signals
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb.engine.container_files import ContainerFiles, Process, read_json, write_json
from ocinb.engine.containers import ContainerRecord, Containers, record_of
from ocinb.engine.emulated.strays import end_strays
from ocinb.engine.happenings import note
from ocinb.engine.launcher_process import call
from ocinb.engine.one_start import one_start
from ocinb.engine.restarting import halt
from ocinb.engine.runtime_process import complaint, failure, find_runtime, last_line
from ocinb.errors import (
    CommandError,
    ContainerError,
    InvalidStatus,
    OcinbError,
    StepFailed,
    UnsupportedHost,
)
from ocinb.events import RuntimeCalled, ignore
from ocinb.linux.cgroup import THAWED, Cgroup
from ocinb.linux.mounts import mount_at, mounts
from ocinb.linux.process_cgroup import cgroup_of
from ocinb.linux.processes import all_pids
from ocinb.linux.syscalls import Kernel
from ocinb.network.undo import undo
from ocinb.spec.runtime_state import CREATED, PAUSED, RESTARTING, RUNNING, STOPPED, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocinb.events import Record

_SPECIFIED = ("start", "kill", "delete")
"""Operations that the specification has."""
_STOP_SIGNAL = "org.opencontainers.image.stopSignal"
_LOOK = 0.02
"""Seconds between looks."""
_TIDY = 5.0
"""Seconds that a monitor has to clean up after the end of its container."""


class Operations:
    """What can be done to a container by name.

    Args:
        containers: all of them.
        runtime_root: ``--root`` of the runtimes.
        network_state: where it is written down what was made for containers' networks.
        record: told of each call of a runtime.
    """

    def __init__(
        self,
        containers: Containers,
        runtime_root: Path,
        network_state: Path,
        record: Record = ignore,
    ) -> None:
        self._containers = containers
        self._runtime_root = runtime_root
        self._network_state = str(network_state)
        self._record = record

    def state(self, name: str) -> State:
        """The state, as the runtime tells it; once it has forgotten, as the files do.

        Raises:
            ContainerNotFound.

        Spec: runtime-spec runtime.md#query-state
        """
        files, record = self._containers.find(name)
        document: dict[str, object] = {}
        if record.status != STOPPED:
            with contextlib.suppress(ContainerError, ValueError):
                document = json.loads(self._call(files, record, "state"))
        return State(
            id=record.id,
            status=str(document.get("status") or record.status),
            pid=record.pid,
            bundle=files.bundle,
            annotations=read_json(f"{files.bundle}/config.json").get("annotations") or {},
        )

    def start(self, name: str) -> None:
        """Run the program of a container that was created.

        Raises:
            ContainerNotFound, StepFailed. InvalidStatus: it is not ``created``.

        Spec: runtime-spec runtime.md#start
        """
        files, record = self._containers.find(name)
        self.note_start(files, record)
        require(record, "start", CREATED)
        with one_start(files, CREATED):
            self._call(files, record, "start")
            write_json(files.started, {"time": time.time()})
            note(files, "start")

    def note_start(self, files: ContainerFiles, record: ContainerRecord) -> bool:
        """Write down that a container's program was started, where that was done and who did it
        was killed before it was written; whether that was so.
        """
        if record.status not in (RUNNING, PAUSED) or os.path.exists(files.started):
            return False
        write_json(files.started, {"time": time.time()})
        note(files, "start")
        return True

    def kill(self, name: str, signal: str | int) -> None:
        """Send a signal, by name or number, to the container's first process.

        After SIGKILL or its stop signal it is not run again, whatever its restart policy.

        Raises:
            ContainerNotFound. CommandError: no such signal. InvalidStatus: it has ended.

        Spec: runtime-spec runtime.md#kill
        """
        number = signal_number(signal)
        files, record = self._containers.find(name)
        if record.status == RESTARTING:
            record = halted(files, record)
            if record.status == STOPPED:
                return
        require(record, "kill", CREATED, RUNNING, PAUSED)
        ends = number in (signals.SIGKILL, stop_signal(files))
        if ends:
            halt(files)
        try:
            self._call(files, record, "kill", str(number))
        except StepFailed:
            if not ends or halted(files, self._containers.find(name)[1]).status != STOPPED:
                raise
            return  # it has just ended by itself
        note(files, "kill", detail=signal_name(number))
        if record.status == PAUSED and number == signals.SIGKILL:
            # What is frozen ends once it may go on, in version 1 of control groups.
            with contextlib.suppress(OcinbError):
                self._call(files, record, "resume")

    def pause(self, name: str) -> None:
        """Freeze all processes of a container.

        Raises:
            ContainerNotFound. InvalidStatus: it does not run. StepFailed: the runtime cannot.
            UnsupportedHost: it has no control groups, by which processes are frozen.

        Spec: none (runc convention)
        """
        files, record = self._containers.find(name)
        require(record, "pause", RUNNING)
        if cgroup_of(Kernel(), record.pid) is None:
            raise UnsupportedHost(
                f"container {record.name} cannot be paused: it has no control groups of its own",
                hint="the superuser's containers have them; ocinb doctor says what would help",
            )
        self._call(files, record, "pause")
        note(files, "pause")

    def resume(self, name: str) -> None:
        """Let a paused container go on; errors as for ``pause``."""
        files, record = self._containers.find(name)
        require(record, "resume", PAUSED)
        self._call(files, record, "resume")
        note(files, "unpause")

    def update(self, name: str, resources: str) -> None:
        """Change the limits of a container.

        Args:
            resources: the path of a file with ``linux.resources``.

        Raises:
            ContainerNotFound. InvalidStatus: it has ended. StepFailed: the kernel refused.

        Spec: none (runc convention)
        """
        files, record = self._containers.find(name)
        require(record, "update", CREATED, RUNNING, PAUSED)
        self._call(files, record, "update", flags=("--resources", resources))
        note(files, "update")

    def delete(
        self,
        name: str,
        *,
        force: bool = False,
        keep: Callable[[ContainerFiles], None] | None = None,
    ) -> None:
        """Remove a container with all that belongs to it.

        Args:
            force: end it first if it runs; also for containers whose monitor was killed.
            keep: saves what shall stay of its directory, once it has ended.

        Raises:
            ContainerNotFound. InvalidStatus: its program runs, and ``force`` was not given.

        Spec: runtime-spec runtime.md#delete
        """
        files, record = self._containers.find(name)
        if not force:
            require(record, "delete", STOPPED, CREATED)
        self.tidy(files)
        if keep is not None:
            keep(files)
        self._containers.forget(files)

    def discard(self, files: ContainerFiles) -> None:
        """End whatever there still is of a container, and remove it."""
        self.tidy(files)
        self._containers.forget(files)

    def tidy(self, files: ContainerFiles) -> None:
        """End whatever there still is of a container, and undo what was made for it."""
        halt(files)
        init, monitor = files.read_process(files.init), files.read_process(files.monitor)
        if init is not None and init.alive:
            _kill(init)
            _thaw(init)
        if monitor is not None and not _gone(monitor, _TIDY):
            _kill(monitor)
        if init is not None:
            _gone(init, _TIDY)
        record = record_of(files)
        if record is not None and not read_json(files.exit).get("clean"):
            # Its monitor was killed, so nobody has told the runtime yet.
            with contextlib.suppress(OcinbError):
                self._call(files, record, "delete", flags=("--force",))
            _kill_left_behind(files)
            end_strays(files.rootfs)
            _remove_cgroups(files)
        with contextlib.suppress(OcinbError):  # what is left then, doctor --repair removes
            undo(self._network_state, os.path.basename(files.directory))

    def _call(
        self,
        files: ContainerFiles,
        record: ContainerRecord,
        operation: str,
        *arguments: str,
        flags: Sequence[str] = (),
    ) -> bytes:
        runtime = find_runtime(record.runtime, str(self._runtime_root))
        argv = runtime.command(
            operation, *flags, record.id, *arguments, log=files.runtime_log, events=files.events
        )
        started = time.perf_counter()
        done = call(runtime, argv)
        self._record(
            RuntimeCalled(
                argv=argv,
                status=done.status,
                seconds=time.perf_counter() - started,
                container=record.id,
            )
        )
        if done.status:
            said = complaint(files.runtime_log) or last_line(done.stderr)
            raise failure(runtime, operation, done.status, said)
        return done.stdout


def halted(files: ContainerFiles, record: ContainerRecord) -> ContainerRecord:
    """A container that shall not be run again, once it either runs or has ended for good."""
    halt(files)
    end = time.monotonic() + _TIDY
    while record.status == RESTARTING and time.monotonic() < end:
        time.sleep(_LOOK)
        record = record_of(files) or record
    return record


def stop_signal(files: ContainerFiles) -> int:
    """What asks a container's program to end: its image's or its maker's choice, else SIGTERM.

    Spec: image-spec config.md#properties (StopSignal)
    """
    annotations = read_json(f"{files.bundle}/config.json").get("annotations") or {}
    try:
        return signal_number(annotations.get(_STOP_SIGNAL) or "TERM")
    except CommandError:
        return signal_number("TERM")  # what an image says may be anything


def signal_number(signal: str | int) -> int:
    """The number of a signal given as ``TERM``, ``SIGTERM``, ``15`` or 15.

    Raises:
        CommandError: there is none of that name or number.
    """
    text = str(signal).upper()
    if text.isascii() and text.isdigit():
        if 0 < int(text) <= signals.SIGRTMAX:
            return int(text)
    else:
        name = text if text.startswith("SIG") else f"SIG{text}"
        if name in signals.Signals.__members__:
            return signals.Signals[name].value
    raise CommandError(f"{signal!r} is not a signal", hint="name one like TERM, KILL or 15")


def signal_name(number: int) -> str:
    """``TERM`` for 15; the number itself where it has no name."""
    try:
        return signals.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def require(record: ContainerRecord, operation: str, *statuses: str) -> None:
    """Raise for a container whose status is another than these.

    Raises:
        InvalidStatus.
    """
    if record.status in statuses:
        return
    raise InvalidStatus(
        f"cannot {operation} container {record.name}: it is {record.status}, "
        f"not {' or '.join(statuses)}",
        hint=_way_there(record, operation),
        citation=f"runtime-spec runtime.md#{operation}" if operation in _SPECIFIED else None,
    )


def _way_there(record: ContainerRecord, operation: str) -> str | None:
    """What to do with a container so that the operation is possible; None: nothing helps."""
    if operation == "delete":
        return f"ocinb stop {record.name} first, or ocinb rm --force {record.name}"
    if operation == "resume":
        return None if record.status == STOPPED else "it is not paused"
    if operation == "kill":
        return "it has ended already" if record.status == STOPPED else None
    if operation == "pause" and record.status == PAUSED:
        return f"ocinb unpause {record.name} lets it go on"
    first = {PAUSED: "unpause", STOPPED: "start", CREATED: "start"}.get(record.status)
    return f"ocinb {first} {record.name} first" if first else None


def cgroups_path(container: str) -> str:
    """config.json's ``linux.cgroupsPath``, by which a container's control groups are known.

    Spec: runtime-spec config-linux.md#cgroups-path
    """
    return f"/ocinb-{container}"


def _remove_cgroups(files: ContainerFiles) -> None:
    """What a runtime left that was killed while it created the container: it has no record."""
    kernel = Kernel()
    linux = read_json(f"{files.bundle}/config.json").get("linux") or {}
    path = linux.get("cgroupsPath") or cgroups_path(os.path.basename(files.directory))
    for mount in mounts():
        directory = mount.target + path
        if mount.fstype in ("cgroup", "cgroup2") and os.path.isdir(directory):
            group = Cgroup(kernel, {"": directory}, [directory], 1)
            with contextlib.suppress(OcinbError):
                group.kill()
                group.remove()


def _kill_left_behind(files: ContainerFiles) -> None:
    """Hooks that still run, and fuse-overlayfs: processes that see the container's root mounted.

    It is mounted in the monitor's mount namespace only, so they can be nobody else.
    """
    for pid in all_pids():
        process = Process.of(pid)
        with contextlib.suppress(OSError):
            if pid != os.getpid() and mount_at(files.rootfs, mounts(pid)) is not None:
                _kill(process)
                _gone(process, _TIDY)


def _kill(process: Process) -> None:
    """SIGKILL, to exactly this process."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        # Only now that the number is pinned can the start time prove that it is the same.
        if process.alive:
            signals.pidfd_send_signal(descriptor, signals.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def _thaw(process: Process) -> None:
    """What is frozen does not end, in version 1 of control groups."""
    group = cgroup_of(Kernel(), process.pid)
    if group is not None and group.frozen():
        with contextlib.suppress(OcinbError):
            group.freeze(THAWED)


def _gone(process: Process, seconds: float) -> bool:
    """Wait for the end of a process; whether it has ended."""
    end = time.monotonic() + seconds
    while process.alive:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True

"""Ends of containers: waited for, brought about, and overcome."""

from __future__ import annotations

import contextlib
import os
import select
import time

from ocinb.bundle.options import STOP_TIMEOUT
from ocinb.engine.container_files import ContainerFiles, Process, read_json, write_json
from ocinb.engine.containers import ContainerRecord, Containers
from ocinb.engine.operations import Operations, halted, stop_signal
from ocinb.engine.restarting import NO, policy_of
from ocinb.errors import ContainerError, OcinbError, StepFailed, StorageError
from ocinb.spec.runtime_state import PAUSED, STOPPED

GRACE = 10.0
"""Seconds between the signal to end and SIGKILL, where nothing else is asked for."""
_TIDY = 10.0
"""Seconds that a monitor has to clean up."""


def wait(containers: Containers, name: str, seconds: float | None = None) -> int | None:
    """Wait until a container has ended and is cleaned up; its exit status.

    Args:
        name: of the container.
        seconds: how long; None: as long as it takes.

    Returns:
        None where nobody saw how it ended, because its monitor was killed.

    Raises:
        ContainerNotFound. ContainerError: it has not ended in time.
    """
    files, record = containers.find(name)
    deadline = None if seconds is None else time.monotonic() + seconds
    for path in (files.monitor, files.init):
        if not await_end(files.read_process(path), deadline):
            raise ContainerError(f"container {record.name} has not ended within {seconds:g} s")
    status: int | None = read_json(files.exit).get("exit_status")
    return status


def stop(containers: Containers, operations: Operations, name: str, grace: float | None) -> None:
    """Ask a container's program to end, and after some time insist.

    The signal is the one that the image or the person chose, else SIGTERM. One that has ended
    already is no error. One that would be run again is not.

    Args:
        name: of the container.
        grace: seconds until SIGKILL; None: what was chosen for this container, else ``GRACE``.

    Raises:
        ContainerNotFound. ContainerError: not even SIGKILL ended it, or a hook hangs.
    """
    files, record = containers.find(name)
    if record.status == STOPPED:
        return
    record = halted(files, record)
    if record.status == PAUSED:
        operations.resume(record.id)
    init = files.read_process(files.init)
    annotations = read_json(f"{files.bundle}/config.json").get("annotations") or {}
    _send(operations, record, stop_signal(files))
    seconds = _grace(annotations) if grace is None else grace
    if not await_end(init, time.monotonic() + seconds):
        _send(operations, record, 9)
    end = time.monotonic() + _TIDY
    if not all(await_end(process, end) for process in (init, files.read_process(files.monitor))):
        raise ContainerError(
            f"container {record.name} has not ended within {seconds + _TIDY:g} s",
            hint=f"ocinb rm --force {record.name} removes it whatever it waits for",
        )


def await_end(process: Process | None, deadline: float | None) -> bool:
    """Wait until a process has ended; false where it has not until ``deadline`` (monotonic)."""
    if process is None or not process.alive:
        return True
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        if not process.alive:
            return True  # the number is another one's by now
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        left = None if deadline is None else max(deadline - time.monotonic(), 0.0) * 1000
        return bool(poll.poll(left))
    finally:
        os.close(descriptor)


def start_created(operations: Operations, files: ContainerFiles, name: str) -> None:
    """Run the program of a container that was created. Where that fails its monitor sees the end,
    and why is written down beside that. Errors as for ``Operations.start``.
    """
    try:
        operations.start(name)
    except StepFailed as error:
        init = files.read_process(files.init)
        if init and not init.alive and policy_of(read_json(files.record)).name == NO:
            ended = await_end(files.read_process(files.monitor), time.monotonic() + _TIDY)
            seen = read_json(files.exit)
            if ended and seen:
                with contextlib.suppress(StorageError):
                    write_json(files.exit, {**seen, "error": str(error)})
        raise


def note_failure(files: ContainerFiles, error: BaseException) -> None:
    """Write down why a container that had ended could not be started again."""
    with contextlib.suppress(StorageError):
        clean = read_json(files.exit).get("clean", False)
        last = {"exit_status": None, "time": time.time(), "error": str(error), "clean": clean}
        write_json(files.exit, last)


def forget_end(operations: Operations, files: ContainerFiles) -> None:
    """Remove what tells of a container's last life; its log, events and changes stay.

    Where its monitor was killed, the runtime has to hear first that it has ended.
    """
    if not read_json(files.exit).get("clean"):
        operations.tidy(files)
    last = (files.exit, files.started, files.init, files.pid_file, files.monitor, files.restarts)
    for path in last:
        if os.path.exists(path):
            os.unlink(path)


def _send(operations: Operations, record: ContainerRecord, signal: int) -> None:
    try:
        operations.kill(record.id, signal)
    except OcinbError:
        # It has just ended; or, without its runtime's help, what is left is seen by waiting.
        return


def _grace(annotations: dict[str, str]) -> float:
    try:
        return float(annotations[STOP_TIMEOUT])
    except (KeyError, ValueError):
        return GRACE

"""One check of a container's health, because somebody asks for it; it counts like the others.

Spec: none (podman convention: healthcheck run)
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from ocinb.engine.connection import Connection
from ocinb.engine.container_files import read_json, write_json
from ocinb.engine.happenings import note
from ocinb.engine.health import SHOWN, TIMED_OUT, HealthCheck, after, too_long
from ocinb.engine.operations import require
from ocinb.errors import ContainerError, StepFailed
from ocinb.spec.runtime_state import RUNNING

if TYPE_CHECKING:
    from ocinb.engine.container_files import ContainerFiles
    from ocinb.engine.containers import Containers

_GRACE = 5.0
"""Seconds that a check has to be gone once it was killed."""
_SIGKILL = 9


def check_now(containers: Containers, name: str) -> dict[str, Any]:
    """Check a container's health, and write down what came of it.

    Returns:
        ``exit_status``, ``output``, ``start`` and ``end`` in seconds since the epoch, and
        ``status``: the container's health from now on.

    Raises:
        ContainerNotFound. InvalidStatus: it does not run. ContainerError: it has no health check,
        or its monitor was killed. StorageError.
    """
    files, record = containers.find(name)
    document = read_json(files.record).get("health")
    if not document:
        raise ContainerError(
            f"container {record.name} has no health check",
            hint="run --health-cmd COMMAND gives it one, where its image has none",
        )
    require(record, "check", RUNNING)
    check = HealthCheck(**{**document, "command": tuple(document["command"])})
    began = time.time()
    result = {"start": began, **_run(files, check), "end": time.time()}
    before = read_json(files.health)
    now = after(before, check, result, record.started or began)
    write_json(files.health, now)
    if now["status"] != before.get("status"):
        note(files, "health_status", detail=now["status"])
    return {**result, "status": now["status"]}


def _run(files: ContainerFiles, check: HealthCheck) -> dict[str, Any]:
    process = read_json(f"{files.bundle}/config.json").get("process") or {}
    process = {**process, "args": list(check.command), "terminal": False}
    said: list[bytes] = []
    with Connection.to(files, lambda data, _: said.append(data)) as connection:
        try:
            connection.share("exec", {}, process=process, detach=False)
        except StepFailed as error:
            return {"exit_status": 1, "output": error.message}
        late = not _ended(connection, check.timeout)
        if late:
            connection.kill(_SIGKILL)
            with contextlib.suppress(ContainerError):
                _ended(connection, _GRACE)
            return {"exit_status": TIMED_OUT, "output": too_long(check)}
        assert connection.exit is not None
        output = b"".join(said)[-SHOWN:].decode(errors="replace")
        return {"exit_status": connection.exit["exit_status"], "output": output}


def _ended(connection: Connection, seconds: float) -> bool:
    """Whether a check ends within that time.

    Raises:
        ContainerError: the monitor was killed, or the container ended.
    """
    end = time.monotonic() + seconds
    while connection.exit is None:
        left = end - time.monotonic()
        if left <= 0:
            return False
        if not connection.listen(left) and connection.exit is None:
            raise ContainerError("the container ended, or its monitor, before the check did")
    return True

"""A child of the monitor that checks a container's health from time to time.

It runs the check as ``exec`` would, writes down what came of it in ``health.json``, and ends with
the container.

Spec: none (Docker convention: HEALTHCHECK)
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import sys
import time

from ocinb.engine.container_files import ContainerFiles, Process, read_json, write_json
from ocinb.engine.exec_session import ExecSession
from ocinb.engine.frames import EXIT, REPLY, STDERR, STDOUT, Unpacker, order
from ocinb.engine.happenings import note
from ocinb.engine.health import SHOWN, STARTING, TIMED_OUT, HealthCheck, after, too_long
from ocinb.engine.process_title import set_title
from ocinb.errors import StorageError
from ocinb.linux.process_cgroup import cgroup_of
from ocinb.runtime.descriptors import close_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.engine.runtime_process import RuntimeProcess
    from ocinb.linux.syscalls import Kernel

_LOOK = 0.5
"""Seconds between looks whether a container that was created is started."""
_GRACE = 5.0
"""Seconds that a check has to be gone once it was killed."""
_SIGKILL = 9


class HealthWatch:
    """Checks one container until it ends.

    Args:
        files: its directory.
        kernel: makes the system calls.
        runtime: the one that made it.
        container: its id for the runtime.
        init: its first process.
        check: what is run, and how often.
    """

    def __init__(
        self,
        files: ContainerFiles,
        kernel: Kernel,
        runtime: RuntimeProcess,
        container: str,
        init: Process,
        check: HealthCheck,
    ) -> None:
        self._files = files
        self._kernel = kernel
        self._runtime = runtime
        self._container = container
        self._init = init
        self._check = check
        self._began = 0.0

    def serve(self) -> None:
        """Check until the container ends."""
        set_title("ocinb-health", self._files.directory)
        self._write({"status": STARTING, "failing": 0, "log": []})
        try:
            end = os.pidfd_open(self._init.pid)
        except ProcessLookupError:
            return
        while not self._began:
            if _ended(end, _LOOK):
                return
            self._began = read_json(self._files.started).get("time") or 0.0
        while not _ended(end, self._check.interval):
            if not self._frozen():
                result = self._once()
                if result is None or _ended(end, 0):
                    return  # it was the container that ended
                if not self._frozen():  # one that was paused meanwhile could not answer
                    self._take(result)

    def _frozen(self) -> bool:
        """Whether the container is paused: then nothing can be run in it."""
        group = cgroup_of(self._kernel, self._init.pid)
        return group is not None and group.frozen()

    def _once(self) -> dict[str, Any] | None:
        """What came of one check; None where nobody saw its end."""
        began = time.time()
        ours, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            self._run(theirs)
        theirs.close()
        with ours:
            found = self._hear(ours)
        if not _reaped(child):
            os.kill(child, _SIGKILL)
            os.waitpid(child, 0)
        return None if found is None else {"start": began, "end": time.time(), **found}

    def _run(self, control: socket.socket) -> None:
        """Be the process that runs the check; it never returns."""
        try:
            close_others(self._kernel, [control.fileno()])
            process = read_json(f"{self._files.bundle}/config.json").get("process") or {}
            process = {**process, "args": list(self._check.command), "terminal": False}
            session = ExecSession(self._files, self._kernel, self._runtime, control.detach())
            session.serve(process, self._container, [-1, -1, -1], detach=False)
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)

    def _hear(self, control: socket.socket) -> dict[str, Any] | None:
        """What a check says until it ends, or until its time is over."""
        frames, said, status = Unpacker(), b"", None
        poll = select.poll()
        poll.register(control, select.POLLIN)
        end, late = time.monotonic() + self._check.timeout, False
        while status is None:
            if not poll.poll(max(end - time.monotonic(), 0) * 1000):
                if late:
                    break
                late, end = True, time.monotonic() + _GRACE
                with contextlib.suppress(OSError):
                    control.sendall(order("kill", signal=_SIGKILL))
                continue
            data = control.recv(1 << 16)
            if not data:
                break
            for kind, content in frames.feed(data):
                if kind in (STDOUT, STDERR):
                    said = (said + content)[-SHOWN:]
                elif kind == EXIT:
                    status = json.loads(content)["exit_status"]
                elif kind == REPLY and "error" in (reply := json.loads(content)):
                    status, said = 1, reply["message"].encode()
        if late:
            said, status = too_long(self._check).encode(), TIMED_OUT
        if status is None:
            return None
        return {"exit_status": status, "output": said.decode(errors="replace")}

    def _take(self, result: dict[str, Any]) -> None:
        # From the file: a person may have asked for a check meanwhile, which counts too.
        before = read_json(self._files.health)
        now = after(before, self._check, result, self._began)
        self._write(now)
        if now["status"] != before.get("status"):
            note(self._files, "health_status", detail=now["status"])

    def _write(self, health: dict[str, Any]) -> None:
        # On a full disk it stays as it was.
        with contextlib.suppress(StorageError):
            write_json(self._files.health, health)


def _ended(process: int, seconds: float) -> bool:
    """Wait for the end of a process, by its descriptor; whether it has ended."""
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _reaped(child: int) -> bool:
    """Wait a little for a child that is about to end; whether it has."""
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.01)
    return False

"""A walk through a container's life, of which each step is taken when it is asked for.

The container is made by an OCI runtime from a bundle of its own; no monitor watches it, so that
stopping, deleting and undoing are steps, too. Between the operations it stands still at gates.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb.bundle.options import ContainerOptions
from ocinb.bundle.write import write_bundle
from ocinb.engine.container_files import Process, read_json, write_json
from ocinb.engine.planning import bundle_of
from ocinb.engine.runtime_process import complaint, failure, find_runtime
from ocinb.errors import InvalidStatus, OcinbError, UnsupportedHost
from ocinb.event_log import EventsReader
from ocinb.events import StepFinished, Syscall
from ocinb.notebook.widgets.gate import GATES, Gates
from ocinb.notebook.widgets.snapshot import Snapshot, changes, take
from ocinb.overlay.trees import remove_tree
from ocinb.spec.lifecycle import STEPS
from ocinb.spec.runtime_state import STOPPED

if TYPE_CHECKING:
    from ocinb.engine.engine import Engine
    from ocinb.engine.images import LocalImage
    from ocinb.events import Event

SYSCALLS_TOLD = 400
"""System calls of one press that are told."""
_END = 10.0
"""Seconds that the kernel may take to end a killed process."""
_LOOK = 0.02
_OPERATIONS = {1: "create", 6: "start", 10: "kill", 11: "delete"}
"""Steps that begin with a call of the runtime, or end by one."""


class Walk:
    """A container that waits before each step.

    Args:
        engine: whose image and runtime it is.
        image: of the store.
        args: the command, in place of the image's.

    Raises:
        UnsupportedHost: the kernel refuses namespaces, or there is no such runtime.
        OcinbError: no bundle could be made.

    Attributes:
        position: number of the step that comes next, 1 … 13; 14 at the end.
        events: what the runtime told, in order; other runtimes than ours tell nothing.
        snapshot: how it looked after the last step.
        changes: what that step changed; see ``snapshot.changes``.
        remark: what the runtime does otherwise than the specification says; empty: nothing seen.
        calls: the system calls of the last step: call, arguments, error, field.
    """

    def __init__(self, engine: Engine, image: LocalImage, args: tuple[str, ...] = ()) -> None:
        if engine.rung.emulated:
            raise UnsupportedHost(
                "a lifecycle cannot be stepped through here: the kernel refuses namespaces",
                hint="ocinb doctor says what would enable them",
            )
        self._place = engine.settings.root / "steps"
        sweep(self._place, str(engine.settings.runtime))
        self.id = f"step-{uuid.uuid4().hex[:8]}"
        self.position = 1
        self.remark = ""
        self.events: list[Event] = []
        self.snapshot = Snapshot()
        self.changes: list[list[str]] = []
        self.calls: list[list[str]] = []
        self._directory = self._place / self.id
        self._bundle = self._directory / "bundle"
        self._runtime = find_runtime(engine.settings.runtime, str(self._directory / "state"))
        self._reader = EventsReader(str(self._directory / "events.jsonl"))
        self._call: subprocess.Popen[bytes] | None = None
        self._operation = ""
        self._gate = 0
        self._closed = False
        self._directory.mkdir(parents=True)
        owner = str(self._directory / "owner.json")
        write_json(owner, dict(Process.of(os.getpid())))
        write_json(str(self._directory / "runtime.json"), {"name": engine.settings.runtime})
        self._gates = Gates()
        try:
            write_json(owner, {**dict(Process.of(os.getpid())), "gates": self._gates.directory})
            path = bundle_of(engine, image, ContainerOptions(args=list(args) or None), self._bundle)
            config = json.loads(path.read_bytes())
            self._gates.add_to(config)
            write_bundle(self._bundle, config)
        except BaseException:
            self.close()
            raise

    @property
    def status(self) -> str:
        """The container's, as in the state document; empty where there is none."""
        return str(self.snapshot.state.get("status", ""))

    @property
    def output(self) -> bytes:
        """The last bytes that the container's program wrote."""
        with contextlib.suppress(OSError), open(self._directory / "output", "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
            return file.read()
        return b""

    @property
    def next(self) -> str:
        """What ``advance`` does, in a few words; empty at the end."""
        if self.position > len(STEPS) or self._closed:
            return ""
        step = STEPS[self.position - 1]
        if step.is_hook:
            return f"{step.name} hooks"
        return _OPERATIONS.get(step.number, step.title)

    def advance(self) -> None:
        """Take the next step, and those behind it at which nothing stops.

        Raises:
            StepFailed: the runtime could not; the container is undone then.
            InvalidStatus: there is no next step.

        Spec: runtime-spec runtime.md#lifecycle
        """
        if not self.next:
            raise InvalidStatus("the container has gone through all its steps")
        self.calls = []
        try:
            if self._gates.holds:
                self._gates.open()
                self._gate = 0
            else:
                self._begin()
            self._follow()
        finally:
            self._look()

    def close(self) -> None:
        """Undo whatever there is of the container, from wherever it stands. Can be repeated."""
        self._closed = True
        self._gates.close()
        if self._call is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._call.wait(_END)
            if self._call.poll() is None:
                self._call.kill()
                self._call.wait()
        self._call = None
        _remove(self._directory, self._runtime.name)

    def _begin(self) -> None:
        operation = self._operation = _OPERATIONS[self.position]
        if operation == "kill" and self._state().get("status") == STOPPED:
            self._ended("by itself")
            return
        arguments = {"kill": ["KILL"], "delete": []}.get(operation, [])
        flags = {
            "create": ["--bundle", str(self._bundle), "--pid-file", str(self._directory / "pid")]
        }.get(operation, [])
        argv = self._runtime.command(
            operation,
            *flags,
            self.id,
            *arguments,
            log=str(self._directory / "runtime.log"),
            events=str(self._directory / "events.jsonl"),
        )
        # What inherits these is the container's program: they must be files, for nobody reads.
        with open(self._directory / "output", "ab") as out:
            self._call = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def _follow(self) -> None:
        """Wait until a hook stands at its gate, or the operation is over."""
        while self._call is not None:
            arrived = self._gates.arrival(_LOOK)
            if arrived is not None:
                stage, self._gate = arrived
                step = next(step for step in STEPS if step.name == stage)
                self.position = step.number
                if step.operation not in (self._operation, "delete"):  # failure leads to poststop
                    self.remark = (
                        f"{self._runtime.name} runs {stage} hooks during {self._operation}, "
                        f"where the specification has them in {step.operation}"
                    )
                return
            status = self._call.poll()
            if status is not None:
                operation, self._call = self._operation, None
                if status:
                    self.position = len(STEPS) + 1
                    said = complaint(str(self._directory / "runtime.log"))
                    raise failure(self._runtime, operation, status, said)
                self.position = {"create": 6, "start": 10, "kill": 10, "delete": 14}[operation]
                if operation == "kill":
                    self._wait_for_end()
                    self._ended("by SIGKILL")

    def _wait_for_end(self) -> None:
        end = time.monotonic() + _END
        while self._state().get("status") != STOPPED and time.monotonic() < end:
            time.sleep(_LOOK)

    def _ended(self, how: str) -> None:
        """The program is no more: no runtime tells that, for it happens without one."""
        began = self.finished().get(8)
        seconds = time.time() - began.time if began else 0.0
        self.events.append(
            StepFinished(container=self.id, number=10, detail=f"it ended {how}", seconds=seconds)
        )
        self.position = 11

    def _look(self) -> None:
        """See what the step changed."""
        new = self._reader.new()
        self.events += new
        calls = [event for event in new if isinstance(event, Syscall)]
        self.calls = [
            [c.call, ", ".join(c.arguments), os.strerror(c.errno) if c.errno else "", c.field]
            for c in calls[:SYSCALLS_TOLD]
        ]
        before = self.snapshot
        call = self._call.pid if self._call is not None else 0
        state = self._state() if not self._closed else {}
        init = int(state.get("pid") or 0)
        self.snapshot = take(state, call, init, self._gate, str(self._bundle / "rootfs"))
        self.changes = changes(before, self.snapshot)

    def _state(self) -> dict[str, Any]:
        argv = self._runtime.command("state", self.id)
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        try:
            document = json.loads(done.stdout) if done.returncode == 0 else {}
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def finished(self) -> dict[int, StepFinished]:
        """The steps that the runtime carried out, by their numbers."""
        return {e.number: e for e in self.events if isinstance(e, StepFinished)}


def sweep(place: Path, runtime: str) -> None:
    """Remove the containers of walks whose process was killed."""
    if not place.is_dir():
        return
    for directory in place.iterdir():
        owner = read_json(str(directory / "owner.json"))
        if owner and not Process(pid=owner["pid"], started=owner["started"]).alive:
            name = read_json(str(directory / "runtime.json")).get("name") or runtime
            _remove(directory, str(name))
            gates = str(owner.get("gates", ""))
            if os.path.basename(gates).startswith(GATES):
                shutil.rmtree(gates, ignore_errors=True)


def _remove(directory: Path, runtime: str) -> None:
    """Have the runtime delete a walk's container, then remove its files."""
    with contextlib.suppress(OcinbError):
        program = find_runtime(runtime, str(directory / "state"))
        if (directory / "state").exists():
            subprocess.run(
                program.command("delete", "--force", directory.name),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
    if directory.exists():
        remove_tree(str(directory))

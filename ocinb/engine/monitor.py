"""What the monitor does: orders carried out in the order of the lifecycle, and a tidy end.

See ``shim.py`` for the process, ``frames.py`` for what is said, ``loop.py`` for what it hears.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from ocinb.engine.container_files import ContainerFiles, Process, write_json
from ocinb.engine.events_file import EventsReader, append_event
from ocinb.engine.exit_status import of_wait
from ocinb.engine.frames import EXIT, NEWS, REPLY, error_document
from ocinb.engine.happenings import note
from ocinb.engine.loop import Loop
from ocinb.engine.rootless import enter_namespaces
from ocinb.engine.runtime_process import RuntimeProcess, complaint, failure, last_line
from ocinb.engine.terminal import Console, set_size
from ocinb.errors import ContainerError, OcinbError, SyscallError
from ocinb.events import RuntimeCalled, StatusChanged, StepFinished, Warned
from ocinb.linux.beneath import Beneath
from ocinb.linux.processes import all_pids, parent
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.manager import MountManager
from ocinb.overlay.trees import remove_tree
from ocinb.spec.runtime_state import CREATED, RUNNING, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.events import Event
    from ocinb.overlay.records import Mount

_LAST_WORDS = 5.0
"""Seconds that an engine has to read the last frames."""
_PIPE_GRACE = 1.0
"""Seconds that a program has to end once nobody reads what it writes, as in ``… | head -1``.

SIGPIPE would have ended it, but the first process of a pid namespace is spared that.
"""


class Monitor:
    """Watches over one container.

    Args:
        files: its directory.
        kernel: makes the system calls.
        control: the socket to the engine.
        sinks: see ``Output``.
    """

    def __init__(
        self, files: ContainerFiles, kernel: Kernel, control: int, *, sinks: dict[int, int]
    ) -> None:
        self._files = files
        self._kernel = kernel
        self._loop = Loop(control, files.log, sinks, self._at_once)
        self._mounts = MountManager(files.mounts, self._record)
        self._mounted: Mount | None = None
        self._runtime: RuntimeProcess | None = None
        self._container = ""
        self._init = Process(pid=0, started=0)
        self._init_fd = -1
        self._started = 0.0
        self._refused_at = 0.0
        self._detached = False
        self._remove = False
        self._done = False

    def serve(self) -> None:
        """Carry out orders and watch, until the container has ended and is cleaned up."""
        while not self._done:
            if self._init.pid in self._loop.ended:
                self._finish()
            elif self._abandoned:
                self._give_up()
            elif self._loop.orders:
                self._carry_out(self._loop.orders.pop(0))
            elif self._loop.output.refused and not self._refused_at:
                self._refused_at = time.monotonic()
            elif self._refused_at and time.monotonic() - self._refused_at > _PIPE_GRACE:
                self._at_once({"do": "kill", "signal": 9})
                self._refused_at = time.monotonic()
            else:
                self._loop.turn(self._init_fd, _PIPE_GRACE if self._refused_at else None)

    @property
    def _abandoned(self) -> bool:
        """Whether the engine went away before the program was started."""
        return not (self._loop.connected or self._detached or self._started)

    def _carry_out(self, order: dict[str, Any]) -> None:
        operations: dict[str, Callable[..., dict[str, Any]]] = {
            "mount": self._mount,
            "create": self._create,
            "start": self._start,
        }
        operation = operations[order.pop("do")]
        try:
            reply = operation(**order)
        except (OcinbError, OSError) as error:
            reply = error_document(error)
        self._loop.say(REPLY, json.dumps(reply).encode())

    def _at_once(self, order: dict[str, Any]) -> bool:
        """What does not wait until another order has been carried out, and has no reply."""
        if order["do"] == "kill":
            if self._init_fd >= 0 and self._init.pid not in self._loop.ended:
                self._kernel.pidfd_send_signal(self._init_fd, order["signal"])
        elif order["do"] == "resize":
            if self._loop.output.terminal >= 0:
                terminal = self._loop.output.terminal
                set_size(self._kernel, terminal, order["rows"], order["columns"])
        elif order["do"] == "detach":
            self._detached = True
        else:
            return False
        return True

    # orders, in their order

    def _mount(
        self,
        layers: list[str],
        kind: str,
        flags: list[str],
        why: str,
        namespaces: dict[str, Any] | None,
    ) -> dict[str, Any]:
        if namespaces is not None:
            enter_namespaces(self._kernel, **namespaces)
        self._mounted = self._mounts.mount(
            layers,
            self._files.rootfs,
            writable=self._files.writable,
            kind=kind,
            flags=flags,
            why=why,
        )
        if namespaces is None:
            return {"rootfs": self._files.rootfs}
        # On the host there is nothing to see under this path; the way in leads through us.
        return {"rootfs": f"/proc/{os.getpid()}/root{self._files.rootfs}"}

    def _create(
        self, runtime: dict[str, Any], container: str, cwd: str, terminal: bool
    ) -> dict[str, Any]:
        self._runtime = RuntimeProcess(
            name=runtime["name"], argv=tuple(runtime["argv"]), root=runtime["root"]
        )
        self._container = container
        self._make_directory(cwd)
        self._step(1, "create was called")
        began = time.time()
        try:
            if terminal:
                self._create_on_terminal()
            else:
                self._create_on_pipes()
            self._watch_init()
        except BaseException:
            self._loop.output.withheld()
            self._undo(force=True)
            raise
        self._loop.output.release()
        self._step(2, "seen from outside: create returned", time.time() - began)
        self._change_seen(CREATED)
        return {"pid": self._init.pid}

    def _start(self, remove: bool) -> dict[str, Any]:
        self._remove = remove
        self._step(6, "start was called")
        began = time.time()
        self._call("start", self._container)
        self._started = time.time()
        self._step(8, "seen from outside: start returned", self._started - began)
        write_json(self._files.started, {"time": self._started})
        note(self._files, "start")
        self._change_seen(RUNNING)
        return {}

    # the end

    def _finish(self) -> None:
        """The container's process has ended: write it down, then clean up.

        Spec: runtime-spec runtime.md#lifecycle steps 10 to 13
        """
        ended = time.time()
        status = of_wait(self._loop.ended[self._init.pid])
        self._note_exit({"exit_status": status, "time": ended})
        note(self._files, "die", exit_status=status)
        self._record(
            StepFinished(
                container=self._container,
                number=10,
                detail=f"exit status {status}",
                seconds=max(ended - self._program_began(ended), 0.0),
            )
        )
        self._change(STOPPED, exit_status=status)
        self._loop.output.drain()
        last = {"exit_status": status, "time": ended, "clean": self._undo(force=False)}
        self._leave(self._note_exit(last))

    def _give_up(self) -> None:
        """The engine was killed half-way: leave nothing but the word that it was so."""
        clean = self._undo(force=True)
        message = "whoever started it went away before the program ran"
        last = {"exit_status": None, "time": time.time(), "error": message, "clean": clean}
        self._leave(self._note_exit(last))

    def _undo(self, *, force: bool) -> bool:
        """Have the runtime delete the container, then undo the mount; whether all is gone."""
        began, clean = time.time(), True
        if self._runtime is not None:
            self._step(11, "delete was called")
            try:
                self._call("delete", *(["--force"] if force else []), self._container)
                self._step(12, "seen from outside: delete returned", time.time() - began)
            except ContainerError as error:
                clean = False
                self._record(Warned(message=error.message))
        try:
            if self._mounted is not None:
                self._unmount(self._mounted)
        except (OcinbError, OSError) as error:
            clean = False
            self._record(Warned(message=str(error)))
        return clean

    def _unmount(self, mount: Mount) -> None:
        try:
            self._mounts.undo(mount)
        except SyscallError:
            # A process that outlived the container works in it still: it ends with that.
            self._mounts.undo(mount, lazy=True)

    def _leave(self, last: dict[str, Any]) -> None:
        if self._loop.has_children():
            for pid in list(all_pids()):
                if parent(pid) == os.getpid():
                    os.kill(pid, 9)  # a hook of a call that was given up, or the program's
        self._loop.say(EXIT, json.dumps(last).encode())
        self._loop.flush(_LAST_WORDS)
        if self._remove and not self._loop.connected:
            note(self._files, "remove")
            remove_tree(self._files.directory)
        self._done = True

    def _note_exit(self, document: dict[str, Any]) -> dict[str, Any]:
        # On a full disk who is connected hears of it by the last frame, and a container without
        # exit.json is known to have ended by its process.
        with contextlib.suppress(OcinbError):
            write_json(self._files.exit, document)
        return document

    # the runtime

    def _create_on_pipes(self) -> None:
        stdout, stderr = self._loop.output.make_pipes()
        try:
            self._call("create", *self._create_arguments(), stdio=(0, stdout, stderr))
        finally:
            os.close(stdout)
            os.close(stderr)

    def _create_on_terminal(self) -> None:
        with Console() as console:
            self._call("create", "--console-socket", console.path, *self._create_arguments())
            self._loop.output.use_terminal(console.receive())

    def _create_arguments(self) -> list[str]:
        files = self._files
        return ["--bundle", files.bundle, "--pid-file", files.pid_file, self._container]

    def _call(
        self, operation: str, *arguments: str, stdio: tuple[int, int, int] | None = None
    ) -> None:
        """Run an operation of the runtime to its end, and watch everything else meanwhile."""
        assert self._runtime is not None
        files, started = self._files, time.perf_counter()
        argv = self._runtime.command(
            operation, *arguments, log=files.runtime_log, events=files.events
        )
        with open(os.devnull, "r+b", 0) as null, open(os.memfd_create("stderr"), "r+b", 0) as words:
            stdin, stdout, stderr = stdio or (null.fileno(), null.fileno(), words.fileno())
            pid = self._runtime.begin(self._kernel, argv, stdin=stdin, stdout=stdout, stderr=stderr)
            status = os.waitstatus_to_exitcode(self._wait(pid, mortal=operation != "delete"))
            seconds = time.perf_counter() - started
            self._record(
                RuntimeCalled(argv=argv, status=status, seconds=seconds, container=self._container)
            )
            if status:
                # On a full disk it has no log to write to, and says it on standard error only.
                words.seek(0)
                said = self._loop.output.withheld() if stdio else words.read()
                why = complaint(files.runtime_log) or last_line(said)
                raise failure(self._runtime, operation, status, why)

    def _wait(self, pid: int, *, mortal: bool) -> int:
        """Wait for a call of the runtime; one that nobody waits for any more is killed."""
        descriptor = os.pidfd_open(pid)
        try:
            while pid not in self._loop.ended:
                self._loop.turn(descriptor)
                if mortal and self._abandoned and pid not in self._loop.ended:
                    os.kill(pid, 9)
        finally:
            os.close(descriptor)
        return self._loop.ended.pop(pid)

    def _watch_init(self) -> None:
        with open(self._files.pid_file, encoding="ascii") as file:
            pid = int(file.read())
        self._init = Process.of(pid)
        write_json(self._files.init, dict(self._init))
        if pid not in self._loop.ended:
            self._init_fd = os.pidfd_open(pid)

    def _make_directory(self, path: str) -> None:
        """The working directory is made where the image lacks it, as docker does."""
        root = os.open(self._files.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.close(Beneath(self._kernel, root).make_directory(path))
        finally:
            os.close(root)

    # events

    def _program_began(self, otherwise: float) -> float:
        """When step 8 was over, by whoever saw it."""
        for event in EventsReader(self._files.events).new(only=StepFinished):
            if isinstance(event, StepFinished) and event.number == 8:
                return event.time
        return otherwise

    def _step(self, number: int, detail: str, seconds: float = 0.0) -> None:
        """A step as it can be seen from outside, for runtimes that do not tell."""
        if self._runtime is not None and not self._runtime.tells:
            self._record(
                StepFinished(
                    container=self._container, number=number, detail=detail, seconds=seconds
                )
            )

    def _change_seen(self, status: str) -> None:
        """A status as it can be concluded from outside, for runtimes that do not tell."""
        if self._runtime is not None and not self._runtime.tells:
            self._change(status)

    def _change(self, status: str, exit_status: int = -1) -> None:
        self._record(
            StatusChanged(
                container=self._container,
                status=status,
                pid=self._init.pid if status != STOPPED else 0,
                exit_status=exit_status,
            )
        )

    def _record(self, event: Event) -> None:
        append_event(self._files.events, event)
        self._loop.say(NEWS)

"""create, start, kill, delete and exec, for containers that are only processes.

The numbers are the steps of the lifecycle.

Spec: runtime-spec runtime.md#operations
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from importlib import import_module

from ocinb.engine.emulated.launch_plan import PROOT
from ocinb.engine.emulated.places import PRIVATE, Binding, Places, bindings
from ocinb.engine.emulated.strays import TRACERS, end_strays, last_signal, remove_loaders, send
from ocinb.engine.emulated.supervisor import Gate, Supervisor
from ocinb.errors import (
    ContainerNotFound,
    HookFailed,
    OcinbError,
    StepFailed,
    UnsupportedHost,
)
from ocinb.events import StatusChanged
from ocinb.linux import flags as f
from ocinb.linux.processes import descendants, start_time
from ocinb.overlay.trees import remove_tree
from ocinb.runtime.container_state import Containers
from ocinb.runtime.hooks import hooks_ran, run_hook, run_hooks
from ocinb.runtime.start_gate import open_gate
from ocinb.spec.runtime_state import CREATED, CREATING, RUNNING, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.engine.emulated.launch_plan import LaunchPlan
    from ocinb.runtime.container_state import Container
    from ocinb.runtime.log import Log
    from ocinb.runtime.recording import Recording

_TIDY = 5.0
"""Seconds that killed processes have to be gone."""
_NEXT = b" "  # as in ocinb/runtime/start_gate.py


class EmulatedRuntime:
    """The operations on the containers under one root.

    Args:
        kind: ``proot`` or ``fakechroot``.
        root: where containers' states are kept.
        recording: records steps and hooks.
        log: takes warnings.
    """

    def __init__(self, kind: str, root: str, recording: Recording, log: Log) -> None:
        self.kind = kind
        self.containers = Containers(root)
        self.recording = recording
        self.kernel = recording.kernel
        self.log = log

    def create(
        self, container_id: str, bundle: str, config: dict[str, Any], *, console: int, extra: int
    ) -> Container:
        """Make a container from a bundle, up to but not including the user's program.

        Args:
            container_id: unique under this root.
            bundle: absolute path.
            config: its config.json, checked.
            console: the descriptor of a socket that gets the terminal's master; -1: no terminal.
            extra: how many descriptors from 3 on the program shall have.

        Raises:
            ContainerExists: the id is taken. StepFailed: the program cannot be executed, and its
            like; nothing is left. HookFailed: a hook failed. UnsupportedHost: no proot.

        Spec: runtime-spec runtime.md#create
        """
        with self.recording.step(1, bundle):
            if not config.get("process"):
                raise StepFailed("process in config.json is missing, so there is nothing to start")
            container = self.containers.claim(container_id, bundle, config)
        try:
            self._changed(container, CREATING)
            with self.recording.step(2):
                plan = self._place(container, config)
                self._fork(container, config, plan, console, extra)
            for number, stage in ((3, "prestart"), (3, "createRuntime"), (4, "createContainer")):
                with self.recording.step(number) as step:
                    state = container.state(CREATING, container.pid)
                    ran = run_hooks(self.recording, config.get("hooks"), stage, state)
                    step.detail = hooks_ran(ran)
            container.data["made"] = True
            container.save()
        except HookFailed:
            self._destroy(container)
            raise
        except BaseException:
            self._end(container)
            self._forget(container)
            raise
        self._changed(container, CREATED)
        return container

    def start(self, container_id: str) -> None:
        """Let the container's process start the user's program.

        Raises:
            InvalidStatus: the container is not created. StepFailed: it ended meanwhile.
            HookFailed: a hook failed; the container is gone.

        Spec: runtime-spec runtime.md#start
        """
        with self.recording.step(6):
            container = self.containers.load(container_id)
            container.require("start", CREATED)
        config = container.config()
        with self.recording.step(8, " ".join(config["process"]["args"])):
            failure = open_gate(container)
            if failure:
                self._destroy(container)
                raise HookFailed(failure["message"], citation="runtime-spec runtime.md#lifecycle")
        os.unlink(f"{container.directory}/exec.fifo")
        self._changed(container, RUNNING)
        with self.recording.step(9) as step:
            try:
                state = container.state(RUNNING, container.pid)
                ran = run_hooks(self.recording, config.get("hooks"), "poststart", state)
                step.detail = hooks_ran(ran)
            except HookFailed:
                self._destroy(container)
                raise

    def execute(
        self,
        container_id: str,
        process: Callable[[Container], dict[str, Any]],
        *,
        console: int,
        extra: int,
    ) -> int:
        """Start a further process in a container; the number of the process that stands for it.

        Raises:
            InvalidStatus: the container does not run. StepFailed: the program is missing.
        """
        container = self.containers.load(container_id)
        container.require("exec", RUNNING, CREATED)
        document = process(container)
        plan = self._plan(self._places(container), document)
        return self._spawn(container, plan, document, console, extra)

    def kill(self, container_id: str, number: int, *, everyone: bool = False) -> None:
        """Send a signal to the container's process, or to all its processes.

        Raises:
            InvalidStatus: the container is neither created nor running.

        Spec: runtime-spec runtime.md#kill
        """
        container = self.containers.load(container_id)
        if everyone and container.status() == STOPPED:
            return
        container.require("kill", CREATED, RUNNING)
        targets = [container.pid, *(descendants(container.pid) if everyone else ())]
        for pid in targets:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def delete(self, container_id: str, *, force: bool = False) -> None:
        """Undo what create did, and free the id.

        Args:
            container_id: which.
            force: kill it first if need be; a container that does not exist is no error.

        Raises:
            InvalidStatus: the container is not stopped, and ``force`` is not given.

        Spec: runtime-spec runtime.md#delete
        """
        with self.recording.step(11):
            try:
                container = self.containers.load(container_id)
                if not force:
                    container.require("delete", STOPPED)
                container.lock()
            except ContainerNotFound:
                if force:
                    return
                raise
        self._destroy(container)

    def pids(self, container_id: str) -> list[int]:
        """The processes of a container: the one that stands for it, and all below."""
        container = self.containers.load(container_id)
        if not container.alive():
            return []
        return [container.pid, *descendants(container.pid)]

    # how a container is made

    def _place(self, container: Container, config: dict[str, Any]) -> LaunchPlan:
        private = f"{container.directory}/{PRIVATE}"
        bound = bindings(config, container.data["bundle"], private)
        places = Places(os.path.realpath(container.data["rootfs"]), bound)
        if self.kind == PROOT:
            places.make_mount_points()
        else:
            refused = import_module("ocinb.engine.emulated.fakechroot").prepare(places)
            if refused:
                named = ", ".join(refused[:3]) + (" …" if len(refused) > 3 else "")
                self.log.warning(f"statically linked programs cannot be executed: {named}")
        container.data["bound"] = [[b.source, b.destination] for b in bound]
        return self._plan(places, config["process"])

    def _places(self, container: Container) -> Places:
        bound = [Binding(source=s, destination=d) for s, d in container.data["bound"]]
        return Places(os.path.realpath(container.data["rootfs"]), bound)

    def _plan(self, places: Places, process: dict[str, Any]) -> LaunchPlan:
        planned: LaunchPlan = import_module(f"ocinb.engine.emulated.{self.kind}").plan(
            places, process
        )
        return planned

    def _fork(
        self,
        container: Container,
        config: dict[str, Any],
        plan: LaunchPlan,
        console: int,
        extra: int,
    ) -> None:
        """Fork the process that stands for the container; it waits for start."""
        process = config["process"]

        def wait() -> Callable[[], None]:
            gate = Gate(container.directory)
            os.write(ready, _NEXT)
            os.close(ready)
            answer = gate.wait()
            state = container.state(CREATED, os.getpid())
            try:
                run_hooks(self.recording, config.get("hooks"), "startContainer", state)
            except HookFailed as error:
                os.write(answer, b'{"message": ' + _json(error.message) + b"}")
                os._exit(1)

            def running() -> None:
                with contextlib.suppress(BrokenPipeError):
                    os.write(answer, _NEXT)
                gate.pass_through()
                os.close(answer)

            return running

        waiting, ready = os.pipe2(os.O_CLOEXEC)
        pid = self._spawn(container, plan, process, console, extra, before=wait)
        os.close(ready)
        said = os.read(waiting, 1)
        os.close(waiting)
        if not said:
            raise StepFailed("the container's process ended before it was ready")
        container.data.update(pid=pid, start_time=start_time(pid))
        container.save()

    def _spawn(
        self,
        container: Container,
        plan: LaunchPlan,
        process: dict[str, Any],
        console: int,
        extra: int,
        before: Callable[[], Callable[[], None]] | None = None,
    ) -> int:
        terminal = _open_terminal() if console >= 0 else ()
        tracers = f"{container.directory}/{TRACERS}" if self.kind == PROOT else ""
        pid = os.fork()
        if pid:
            for descriptor in terminal:
                os.close(descriptor)
            return pid
        try:
            os.setsid()
            os.chdir("/")
            if terminal:
                _use_terminal(process, console, *terminal)
            supervisor = Supervisor(self.kernel, plan, process, extra, tracers=tracers)
            supervisor.prepare()
            supervisor.run(before() if before else None)
        except (OcinbError, OSError) as error:
            self.log.error(str(error))
        finally:
            os._exit(127)

    # how it ends

    def _destroy(self, container: Container) -> None:
        """Steps 12 and 13. Spec: runtime-spec runtime.md#lifecycle"""
        config = container.config()
        with self.recording.step(12):
            self._end(container)
            self._forget(container)
        self._changed(container, STOPPED)
        with self.recording.step(13) as step:
            listed = (config.get("hooks") or {}).get("poststop") or []
            for number, hook in enumerate(listed):
                problem = run_hook(self.recording, hook, "poststop", container.state(STOPPED))
                if problem:
                    name = f"hooks.poststop[{number}] {hook['path']}"
                    self.log.warning(f"{name} {problem}")
            step.detail = hooks_ran(len(listed))

    def _end(self, container: Container) -> None:
        """Kill what there is of a container, also after its process was killed."""
        if container.alive():
            for pid in descendants(container.pid):
                send(pid, last_signal(pid))
            send(container.pid, signal.SIGKILL)
        end_strays(container.data["rootfs"])
        end = time.monotonic() + _TIDY
        while container.alive() and time.monotonic() < end:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(container.pid, os.WNOHANG)
            time.sleep(0.005)

    def _forget(self, container: Container) -> None:
        remove_tree(f"{container.directory}/{PRIVATE}")
        remove_loaders(f"{container.directory}/{TRACERS}")
        container.forget()

    def _changed(self, container: Container, status: str) -> None:
        self.recording(StatusChanged(container=container.id, status=status, pid=container.pid))


def _open_terminal() -> tuple[int, ...]:
    """A pseudoterminal of this machine: its master, and the other side.

    Raises:
        UnsupportedHost: there is none for this user.
    """
    try:
        return os.openpty()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise UnsupportedHost(
            f"no terminal can be opened: /dev/ptmx: {reason}",
            hint="devpts must be mounted with ptmxmode=0666 for ordinary users",
        ) from None


def _use_terminal(process: dict[str, Any], console: int, master: int, peer: int) -> None:
    """Make a terminal this process's own, and send its master to the caller.

    Spec: runtime-spec config.md#process (terminal, consoleSize)
    """
    import fcntl
    import socket

    from ocinb.runtime.descriptors import send_descriptor

    size = process.get("consoleSize")
    if size:
        words = (size["height"], size["width"], 0, 0)
        packed = b"".join(word.to_bytes(2, "little") for word in words)
        fcntl.ioctl(peer, f.TIOCSWINSZ, packed)
    fcntl.ioctl(peer, f.TIOCSCTTY, 0)
    with socket.socket(fileno=console) as connection:
        send_descriptor(connection, os.ttyname(peer).encode(), master)
    for descriptor in (0, 1, 2):
        os.dup2(peer, descriptor)
    os.close(master)
    os.close(peer)


def _json(text: str) -> bytes:
    import json

    return json.dumps(text).encode()

"""create, start, kill, delete and exec, for containers that are only processes.

The numbers are the steps of the lifecycle.

Spec: runtime-spec runtime.md#operations
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from ocinb.engine.emulated.making import Maker
from ocinb.engine.emulated.places import PRIVATE
from ocinb.engine.emulated.strays import TRACERS, end_strays, last_signal, remove_loaders, send
from ocinb.errors import HookFailed, StepFailed
from ocinb.events import StatusChanged
from ocinb.linux.processes import descendants
from ocinb.overlay.trees import remove_tree
from ocinb.runtime.container_state import Containers
from ocinb.runtime.deletion import to_delete
from ocinb.runtime.hooks import hooks_ran, run_hook, run_hooks, start_directory
from ocinb.runtime.start_gate import open_gate
from ocinb.spec.runtime_state import CREATED, CREATING, RUNNING, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.log import Log
    from ocinb.runtime.recording import Recording

_TIDY = 5.0
"""Seconds that killed processes have to be gone."""


class EmulatedRuntime:
    """The operations on the containers under one root.

    Args:
        kind: ``proot`` or ``fakechroot``.
        root: where containers' states are kept.
        recording: records steps and hooks.
        log: takes warnings.
    """

    def __init__(self, kind: str, root: str, recording: Recording, log: Log) -> None:
        self._maker = Maker(kind, recording, log)
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
                plan = self._maker.place(container, config)
                self._maker.fork(container, config, plan, console, extra)
            # Those of step 5 too: their programs are this machine's, and there is no namespace
            # for them to be in.
            for number, stage in ((3, "prestart"), (4, "createRuntime"), (5, "createContainer")):
                with self.recording.step(number) as step:
                    state, hooks = container.state(CREATING, container.pid), config.get("hooks")
                    ran = run_hooks(self.recording, hooks, stage, state, directory=bundle)
                    step.detail = hooks_ran(ran)
            container.amend(made=True)
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
        # Step 7, the startContainer hooks, is the container's process's own.
        with self.recording.step(8, " ".join(config["process"]["args"])):
            failure = open_gate(container)
            if failure:
                self._destroy(container)
                raise HookFailed(failure["message"], citation="runtime-spec runtime.md#lifecycle")
        self._changed(container, RUNNING)
        with self.recording.step(9) as step:
            state, hooks = container.state(RUNNING, container.pid), config.get("hooks")
            try:
                where = start_directory(state)
                ran = run_hooks(self.recording, hooks, "poststart", state, directory=where)
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
        plan = self._maker.further(container, document)
        return self._maker.spawn(container, plan, document, console, extra)

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
            ContainerNotFound, InvalidStatus: as for ``to_delete``.

        Spec: runtime-spec runtime.md#delete
        """
        with self.recording.step(11):
            container = to_delete(self.containers, container_id, force=force)
        if container is not None:
            self._destroy(container)

    def pids(self, container_id: str) -> list[int]:
        """The processes of a container: the one that stands for it, and all below."""
        container = self.containers.load(container_id)
        if not container.alive():
            return []
        return [container.pid, *descendants(container.pid)]

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
            state = container.state(STOPPED)
            where = start_directory(state)
            for number, hook in enumerate(listed):
                problem = run_hook(self.recording, hook, "poststop", state, directory=where)
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

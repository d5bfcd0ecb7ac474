"""The operations of the runtime: create, start, kill, delete, and run, which is them together.

Each function here is one operation of the specification, from its first check to its last hook;
the numbers are the steps of the lifecycle.

Spec: runtime-spec runtime.md#operations
"""

from __future__ import annotations

import os
import time

from ocinb.errors import HookFailed, InvalidStatus, StepFailed, SyscallError
from ocinb.events import StatusChanged
from ocinb.linux.cgroup import FROZEN, THAWED
from ocinb.runtime.container_state import Containers, check_id
from ocinb.runtime.deletion import to_delete
from ocinb.runtime.failures import rebuilt
from ocinb.runtime.hooks import hooks_ran, run_hook, run_hooks, start_directory
from ocinb.runtime.host_root import unbind_root
from ocinb.runtime.start_gate import open_gate
from ocinb.spec.runtime_state import CREATED, CREATING, RUNNING, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.log import Log
    from ocinb.runtime.parent import CreateOptions
    from ocinb.runtime.recording import Recording

_SIGKILL = 9
_NO_PROCESS = 3


class Runtime:
    """The runtime's operations on the containers under one root.

    Args:
        root: where containers' states are kept.
        recording: records steps, system calls and hooks.
        log: takes warnings.
    """

    def __init__(self, root: str, recording: Recording, log: Log) -> None:
        self.containers = Containers(root)
        self.recording = recording
        self.kernel = recording.kernel
        self.log = log

    def create(
        self, container_id: str, bundle: str, options: CreateOptions, config: dict[str, Any]
    ) -> Container:
        """Make a container from a bundle, up to but not including the user's program.

        Args:
            container_id: unique under this root.
            bundle: absolute path.
            options: of the caller.
            config: the bundle's config.json, as ``configuration.load`` gives it.

        Raises:
            ContainerExists: the id is taken.
            InvalidConfig: config.json asks for what we cannot do.
            HookFailed: a hook failed; the container is gone.
            OcinbError: a step failed; nothing is left.

        Spec: runtime-spec runtime.md#create
        """
        # Only now: of all operations this one alone needs them, and they are half of the code.
        from ocinb.runtime.configuration import check_supported
        from ocinb.runtime.parent import Creation

        with self.recording.step(1, bundle):
            check_id(container_id)
            check_supported(config)
            container = self.containers.claim(container_id, bundle, config)
        creation = Creation(container, config, options, self.recording, self.log)
        try:
            self._changed(container, CREATING)
            creation.make()
            container.amend(made=True)
        except HookFailed:
            # The lifecycle goes on at step 12.
            creation.undo()
            self._destroy(container)
            raise
        except BaseException:
            try:
                creation.undo()
            finally:
                container.forget()
            raise
        self._changed(container, CREATED)
        return container

    def start(self, container_id: str, made: Container | None = None) -> Container:
        """Let the container's process become the user's program.

        Args:
            container_id: which.
            made: as ``create`` returned it in this process; None: it is read.

        Raises:
            InvalidStatus: the container is not created.
            StepFailed: the program cannot be executed; the container is gone.
            HookFailed: a hook failed; the container is gone.

        Spec: runtime-spec runtime.md#start
        """
        with self.recording.step(6):
            container = made or self.containers.load(container_id)
            container.require("start", CREATED)
            config = container.config()
            if not config.get("process"):
                raise StepFailed(
                    "process in config.json is missing, so there is nothing to start",
                    citation="runtime-spec runtime.md#start",
                )
        # Step 7, the startContainer hooks, is the container's process's own.
        with self.recording.step(8, " ".join(config["process"]["args"])):
            failure = open_gate(container)
            if failure:
                self._destroy(container)
                raise rebuilt(failure)
        self._changed(container, RUNNING)
        with self.recording.step(9) as step:
            state = container.state(RUNNING, container.pid)
            try:
                where = start_directory(state)
                hooks = config.get("hooks")
                ran = run_hooks(self.recording, hooks, "poststart", state, directory=where)
                step.detail = hooks_ran(ran)
            except HookFailed:
                self._destroy(container)
                raise
        return container

    def exited(self, container: Container, status: int) -> None:
        """Step 10 is the container's process's own; whoever waited for it tells."""
        with self.recording.step(10, f"exit status {status}"):
            self.recording(
                StatusChanged(container=container.id, status=STOPPED, exit_status=status)
            )

    def kill(self, container_id: str, signal: int, *, everyone: bool = False) -> None:
        """Send a signal to the container's process, or to all its processes.

        Raises:
            InvalidStatus: the container is neither created nor running.

        Spec: runtime-spec runtime.md#kill
        """
        container = self.containers.load(container_id)
        if everyone:
            self._signal_everyone(container, signal)
            return
        container.require("kill", CREATED, RUNNING)
        try:
            process = self.kernel.pidfd_open(container.pid)
            try:
                # Looked at again: the number may be another process's since.
                container.require("kill", CREATED, RUNNING)
                self.kernel.pidfd_send_signal(process, signal)
            finally:
                os.close(process)
        except SyscallError as error:
            if error.errno != _NO_PROCESS:
                raise
            container.require("kill", CREATED, RUNNING)

    def _signal_everyone(self, container: Container, signal: int) -> None:
        """``kill --all``, which is allowed of a stopped container too: processes of it may be
        left where it has no pid namespace of its own. Spec: none (runc convention)
        """
        for pid in container.cgroup(self.kernel).pids():
            try:
                self.kernel.kill(pid, signal)
            except SyscallError as error:
                if error.errno != _NO_PROCESS:
                    raise

    def delete(
        self, container_id: str, made: Container | None = None, *, force: bool = False
    ) -> None:
        """Undo what create did, and free the id.

        Args:
            container_id: which.
            made: as for ``start``.
            force: kill it first if need be; a container that does not exist is no error.

        Raises:
            ContainerNotFound, InvalidStatus: as for ``to_delete``.

        Spec: runtime-spec runtime.md#delete
        """
        with self.recording.step(11):
            container = to_delete(self.containers, container_id, made, force=force)
        if container is not None:
            self._destroy(container)

    def pause(self, container_id: str) -> None:
        """Freeze every process of a container. Spec: none (runc convention)"""
        container = self.containers.load(container_id)
        container.require("pause", CREATED, RUNNING)
        container.cgroup(self.kernel).freeze(FROZEN)

    def resume(self, container_id: str) -> None:
        """Let a paused container go on. Spec: none (runc convention)"""
        container = self.containers.load(container_id)
        cgroup = container.cgroup(self.kernel)
        if not cgroup.frozen():
            raise InvalidStatus(f"cannot resume container {container_id}: it is not paused")
        cgroup.freeze(THAWED)

    def _destroy(self, container: Container) -> None:
        """Steps 12 and 13: undo create, then the poststop hooks, whose failure is a warning.

        Spec: runtime-spec runtime.md#lifecycle (steps 12 and 13)
        """
        config = container.config()
        with self.recording.step(12):
            self._kill_processes(container)
            container.cgroup(self.kernel).remove()
            unbind_root(container, self.kernel)
            container.forget()
        self._changed(container, STOPPED)
        with self.recording.step(13) as step:
            state = container.state(STOPPED)
            where = start_directory(state)
            listed = (config.get("hooks") or {}).get("poststop") or []
            for number, hook in enumerate(listed):
                problem = run_hook(self.recording, hook, "poststop", state, directory=where)
                if problem:
                    name = f"hooks.poststop[{number}] {hook['path']}"
                    self.log.warning(f"{name} {problem}")
            step.detail = hooks_ran(len(listed))

    def _kill_processes(self, container: Container) -> None:
        cgroup = container.cgroup(self.kernel)
        if container.alive():
            try:
                self.kernel.kill(container.pid, _SIGKILL)
            except SyscallError as error:
                if error.errno != _NO_PROCESS:  # it has just ended
                    raise
        # Without a pid namespace of its own its other processes do not die with the first. A
        # control group that it only joined may hold processes of others.
        if cgroup.created:
            cgroup.kill()
        _wait_for(container)

    def _changed(self, container: Container, status: str) -> None:
        event = StatusChanged(container=container.id, status=status, pid=container.pid)
        self.recording(event)


def _wait_for(container: Container) -> None:
    """Wait until the container's killed process is gone, and reap it if it is our child."""
    if not container.pid:
        return
    try:
        os.waitpid(container.pid, 0)
    except ChildProcessError:
        for _ in range(1000):
            if not container.alive():
                return
            time.sleep(0.005)

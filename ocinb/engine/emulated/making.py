"""The making of a container without namespaces: its files in their places, its process forked."""

from __future__ import annotations

import contextlib
import json
import os
from importlib import import_module

from ocinb.engine.emulated import inner_hooks
from ocinb.engine.emulated.console import open_terminal, use_terminal
from ocinb.engine.emulated.gate import Gate
from ocinb.engine.emulated.launch_plan import PROOT, LaunchPlan
from ocinb.engine.emulated.places import PRIVATE, Binding, Places, bindings
from ocinb.engine.emulated.strays import TRACERS
from ocinb.engine.emulated.supervisor import Supervisor
from ocinb.errors import HookFailed, OcinbError, StepFailed
from ocinb.linux.processes import start_time
from ocinb.runtime.hooks import hooks_ran, run_hooks
from ocinb.spec.runtime_state import CREATED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.runtime.container_state import Container
    from ocinb.runtime.log import Log
    from ocinb.runtime.recording import Recording

_NEXT = b" "  # as in ocinb/runtime/start_gate.py


class Maker:
    """Makes containers of one kind.

    Args:
        kind: ``proot`` or ``fakechroot``.
        recording: records hooks.
        log: takes warnings.
    """

    def __init__(self, kind: str, recording: Recording, log: Log) -> None:
        self.kind = kind
        self.recording = recording
        self.log = log

    def place(self, container: Container, config: dict[str, Any]) -> LaunchPlan:
        """Put a new container's files in their places; how its program is started there.

        Raises:
            StepFailed: a mount point cannot be made, the program cannot be executed, and its like.
        """
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
        container.amend(bound=[[b.source, b.destination] for b in bound])
        return self._plan(places, config["process"])

    def further(self, container: Container, process: dict[str, Any]) -> LaunchPlan:
        """How a further process is started in a container that has its places.

        Raises:
            StepFailed: its program cannot be executed.
        """
        bound = [Binding(source=s, destination=d) for s, d in container.data["bound"]]
        return self._plan(Places(os.path.realpath(container.data["rootfs"]), bound), process)

    def _plan(self, places: Places, process: dict[str, Any]) -> LaunchPlan:
        planned: LaunchPlan = import_module(f"ocinb.engine.emulated.{self.kind}").plan(
            places, process
        )
        return planned

    def fork(
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
            try:
                self._last_hooks(container, config)
            except HookFailed as error:
                os.write(answer, b'{"message": ' + json.dumps(error.message).encode() + b"}")
                os._exit(1)

            def running() -> None:
                with contextlib.suppress(BrokenPipeError):
                    os.write(answer, _NEXT)
                gate.pass_through()
                os.close(answer)

            return running

        waiting, ready = os.pipe2(os.O_CLOEXEC)
        pid = self.spawn(container, plan, process, console, extra, before=wait)
        os.close(ready)
        said = os.read(waiting, 1)
        os.close(waiting)
        if not said:
            raise StepFailed("the container's process ended before it was ready")
        container.amend(pid=pid, start_time=start_time(pid))

    def _last_hooks(self, container: Container, config: dict[str, Any]) -> None:
        """Step 7, in the container's process.

        Raises:
            HookFailed: one failed.

        Spec: runtime-spec config.md#startcontainer-hooks
        """

        def begin(hook: dict[str, Any], stdin: int, output: int) -> int:
            def supervise() -> Supervisor:
                process = inner_hooks.process_of(hook, config["process"])
                plan = self.further(container, process)
                own = inner_hooks.variables(hook, process, plan.variables)
                plan = LaunchPlan(**{**dict(plan), "variables": own})
                return self._supervisor(container, plan, process)

            return inner_hooks.fork(self.recording, supervise, stdin, output)

        with self.recording.step(7) as step:
            state, hooks = container.state(CREATED, os.getpid()), config.get("hooks")
            ran = run_hooks(self.recording, hooks, "startContainer", state, begin=begin)
            step.detail = hooks_ran(ran)

    def _supervisor(
        self, container: Container, plan: LaunchPlan, process: dict[str, Any], extra: int = 0
    ) -> Supervisor:
        tracers = f"{container.directory}/{TRACERS}" if self.kind == PROOT else ""
        return Supervisor(self.recording, plan, process, extra, tracers=tracers)

    def spawn(
        self,
        container: Container,
        plan: LaunchPlan,
        process: dict[str, Any],
        console: int,
        extra: int,
        before: Callable[[], Callable[[], None]] | None = None,
    ) -> int:
        """Fork a process that supervises a program; its number.

        Args:
            container: whose program it is.
            plan: how it is started.
            process: its document.
            console: the socket that gets the terminal's master; -1: no terminal.
            extra: how many descriptors from 3 on the program shall have.
            before: called there first; what it returns is called when the program is executed.
        """
        terminal = open_terminal() if console >= 0 else ()
        self.recording.flush()
        pid = os.fork()
        if pid:
            for descriptor in terminal:
                os.close(descriptor)
            return pid
        try:
            self.recording.process = "init"
            os.setsid()
            os.chdir("/")
            if terminal:
                use_terminal(process, console, *terminal)
            supervisor = self._supervisor(container, plan, process, extra)
            supervisor.prepare()
            supervisor.run(before() if before else None)
        except (OcinbError, OSError) as error:
            self.log.error(str(error))
        finally:
            os._exit(127)

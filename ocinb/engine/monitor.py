"""What the monitor does: orders carried out in the order of the lifecycle, and a tidy end.

See ``shim.py`` for the process, ``frames.py`` for what is said, ``loop.py`` for what it hears.

Spec: runtime-spec runtime.md#lifecycle
"""

from __future__ import annotations

import contextlib
import json
import os
import time

from ocinb.engine import control_socket
from ocinb.engine.container_files import ContainerFiles, Process, removing, write_json
from ocinb.engine.exit_status import of_wait
from ocinb.engine.frames import EXIT, REPLY
from ocinb.engine.happenings import note
from ocinb.engine.loop import Loop
from ocinb.engine.offspring import Offspring
from ocinb.engine.out_of_memory import OutOfMemory
from ocinb.engine.own_runtime import OwnRuntime
from ocinb.engine.restarting import Restarts
from ocinb.engine.rootless import enter_namespaces
from ocinb.engine.runtime_call import call_runtime, standard_streams
from ocinb.engine.runtime_process import RuntimeProcess, failure
from ocinb.engine.strace import attach, begin_with_program
from ocinb.engine.telling import Telling
from ocinb.engine.terminal import Console, set_size
from ocinb.errors import ContainerError, OcinbError, SyscallError
from ocinb.events import RuntimeCalled, Warned
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.manager import MountManager
from ocinb.overlay.trees import remove_tree
from ocinb.spec.runtime_state import CREATED, RUNNING, STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.engine.client import Client
    from ocinb.overlay.records import Mount
    from ocinb.runtime.standby import Standby

_LAST_WORDS = 5.0
"""Seconds that an engine has to read the last frames."""
_NOBODY = Process(pid=0, started=0)
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
        stdin: a descriptor of what the container shall read; -1: there is none.
        sinks: stream (1, 2) → where what it writes goes; -1: to the engine, as frames.
        standby: a process that our own runtime can make the container's; None: there is none.
    """

    def __init__(
        self,
        files: ContainerFiles,
        kernel: Kernel,
        control: int,
        *,
        stdin: int,
        sinks: dict[int, int],
        standby: Standby | None,
    ) -> None:
        self._files = files
        self._kernel = kernel
        self._loop = Loop(control, files.log, self._at_once)
        self._loop.owner.attach(stdin, sinks)
        self._telling = Telling(files.events, self._loop)
        self._mounts = MountManager(files.mounts, self._telling.record)
        self._mounted: Mount | None = None
        self._runtime: RuntimeProcess | None = None
        self._own: OwnRuntime | None = None
        self._standby = standby
        self._container = ""
        self._init = _NOBODY
        self._init_fd = -1
        self._early: list[int] = []
        self._failed = ""
        self._started = 0.0
        self._refused_at = 0.0
        self._memory: OutOfMemory | None = None
        self._offspring = Offspring(files, kernel, self._loop)
        self._restarts = Restarts(files)
        self._strace, self._tracer = "", 0
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
                self._carry_out(*self._loop.orders.pop(0))
            elif self._loop.output.refused and not self._refused_at:
                self._refused_at = time.monotonic()
            elif self._refused_at and time.monotonic() - self._refused_at > _PIPE_GRACE:
                self._at_once(self._loop.owner, {"do": "kill", "signal": 9})
                self._refused_at = time.monotonic()
            else:
                self._loop.turn(self._init_fd, _PIPE_GRACE if self._refused_at else None)
                self._forget_strangers()

    def _forget_strangers(self) -> None:
        """Of children that have ended, only the container's process is of interest now; numbers
        are given again, and of what a program leaves behind there is no end.
        """
        ended = self._loop.ended
        self._offspring.forget(ended.keys())
        for pid in ended.keys() - {self._init.pid}:
            del ended[pid]

    @property
    def _abandoned(self) -> bool:
        """Whether nobody is left who would have the program started, and it was not left to us."""
        begun = self._runtime is not None or bool(self._loop.orders)
        left = self._loop.detached and begun and not self._failed
        return not (self._loop.owner.connected or left or self._started)

    def _carry_out(self, client: Client, order: dict[str, Any]) -> None:
        operations: dict[str, Callable[..., dict[str, Any]]] = {
            "mount": self._mount,
            "create": self._create,
            "start": self._start,
        }
        values = {name: value for name, value in order.items() if name != "do"}
        self._telling.answering = True
        try:
            reply = operations[order["do"]](**values)
        except Exception as error:
            if client is self._loop.owner:
                self._failed = self._failed or str(error)
            client.refuse(order, error)
        else:
            client.say(REPLY, json.dumps(reply).encode())
        finally:
            self._telling.answering = False

    def _at_once(self, client: Client, order: dict[str, Any]) -> bool:
        """What does not wait until another order has been carried out, and has no reply."""
        do = order.get("do")
        if do in ("kill", "halt"):
            self._restarts.halted = True
        if do == "kill":
            self._send_signal(int(order["signal"]))
        elif do == "resize":
            if self._loop.output.terminal >= 0:
                terminal = self._loop.output.terminal
                set_size(self._kernel, terminal, order["rows"], order["columns"])
        elif do == "detach":
            self._loop.detach(client)
        elif do == "attach":
            self._attach(client, order)
        elif do == "exec":
            assert self._runtime is not None
            self._offspring.execute(client, order, self._runtime, self._container)
        else:
            return do == "halt"
        return True

    def _send_signal(self, number: int) -> None:
        """Send it to the container's process; what comes while that is made, afterwards."""
        if self._init_fd < 0:
            self._early.append(number)
        elif self._init.pid not in self._loop.ended:
            self._kernel.pidfd_send_signal(self._init_fd, number)

    def _attach(self, client: Client, order: dict[str, Any]) -> None:
        if client.attached:
            raise ContainerError("this engine shares the container's streams already")
        stdin, stdout, stderr = client.take_streams(order)
        client.attach(stdin, {1: stdout, 2: stderr})
        client.say(REPLY, json.dumps({"terminal": self._loop.output.terminal >= 0}).encode())

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
        self,
        runtime: dict[str, Any],
        container: str,
        cwd: str,
        terminal: bool,
        interactive: bool,
        hooks: bool,
        limited: bool = False,
        strace: str = "",
        health: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        start: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Create; with the values of a ``start`` order carry that out at once, too.

        ``config`` is what config.json says, by who has just checked and written it.
        """
        if self._mounted is None:
            raise ContainerError("its layers could not be stacked")  # as was answered already
        self._runtime = RuntimeProcess(
            name=runtime["name"], argv=tuple(runtime["argv"]), root=runtime["root"]
        )
        self._let_go_of_runtime()
        self._container = self._telling.container = container
        self._loop.turn(timeout=0)  # to mount took its time: meanwhile nobody may want it any more
        if self._abandoned:
            raise ContainerError("whoever asked for it went away")
        self._telling.for_runtime = not self._runtime.tells
        self._strace = strace
        self._make_directory(cwd)
        self._telling.step(1, "create was called")
        began = time.time()
        try:
            if self._runtime.ours and not (hooks or strace):
                self._own = OwnRuntime(
                    self._files,
                    container,
                    self._runtime.root,
                    config,
                    self._watch_init,
                    self._standby,
                )
            else:
                self._let_go_of_standby()
            if terminal:
                self._create_on_terminal()
            else:
                self._create_on_pipes(interactive or self._loop.owner.stdin >= 0)
            if self._own is None:
                with open(self._files.pid_file, encoding="ascii") as file:
                    self._watch_init(int(file.read()))
            write_json(self._files.init, dict(self._init))
            self._memory = OutOfMemory(self._kernel, self._init.pid) if limited else None
            if strace:
                begin_with_program(self._tracer, self._init.pid, self._files.strace)
        except BaseException:
            self._forget_init()
            self._loop.output.withheld()
            self._undo(force=True)
            raise
        finally:
            self._let_go_of_standby()
        self._loop.output.release()
        self._telling.step(2, "seen from outside: create returned", time.time() - began)
        if health is not None:
            self._offspring.watch_health(health, self._runtime, container, self._init)
        self._telling.seen(CREATED, self._init.pid)
        if start is not None:
            self._start(**start)
        while self._early and self._init_fd >= 0:
            with contextlib.suppress(SyscallError):  # there is no such signal
                self._send_signal(self._early.pop(0))
        return {"pid": self._init.pid}

    def _start(self, remove: bool) -> dict[str, Any]:
        self._remove = remove
        self._telling.step(6, "start was called")
        began = time.time()
        self._call("start")
        self._started = time.time()
        self._telling.step(8, "seen from outside: start returned", self._started - began)
        write_json(self._files.started, {"time": self._started})
        note(self._files, "start")
        self._telling.seen(RUNNING, self._init.pid)
        return {}

    # the end

    def _finish(self) -> None:
        """The container's process has ended: write it down, then clean up.

        Spec: runtime-spec runtime.md#lifecycle steps 10 to 13
        """
        self._telling.answering = True
        ended = time.time()
        status = of_wait(self._loop.ended[self._init.pid])
        seen = {"exit_status": status, "time": ended, **self._out_of_memory()}
        began = self._started or self._telling.program_began(ended)
        seconds = max(ended - began, 0.0)
        delay = self._restarts.delay(status, seconds)
        # Whoever would end it must see from the beginning that this is not the end.
        self._note_exit(seen if delay is None else {**seen, "again": True})
        note(self._files, "die", exit_status=status)
        self._telling.finished(10, f"exit status {status}", seconds)
        self._telling.changed(STOPPED, exit_status=status)
        self._loop.output.drain()
        # Where start failed the runtime may have deleted it already: by force, that is no error.
        last = {**seen, "clean": self._delete(force=not self._started)}
        if self._remove and last["clean"]:
            # Nobody has to wait for what nobody sees: a mount in our namespace, files without
            # the record of a container.
            self._offspring.end()
            self._leave(last)
            return
        last["clean"] = self._unmount() and last["clean"]
        self._offspring.end()
        if delay is None:
            self._leave(self._note_exit(last))
        else:
            self._run_again(last, delay)

    def _out_of_memory(self) -> dict[str, Any]:
        """Say so where the kernel killed for lack of memory; what ``exit.json`` says of it."""
        found = self._memory.found() if self._memory is not None else {}
        if found:
            note(self._files, "oom")
            self._telling.record(Warned(message=found["out_of_memory"]))
        return found

    def _run_again(self, last: dict[str, Any], delay: float) -> None:
        """Make and start the container once more, after a while; by then everybody has heard of
        its end, so it is as if it were detached.
        """
        self._note_exit({**last, "clean": False, "again": True})
        self._loop.say(EXIT, json.dumps(last).encode())
        self._telling.answering = False
        self._loop.part()
        self._refused_at = 0.0
        del self._loop.ended[self._init.pid]
        self._forget_init()
        try:
            if self._restarts.wait(self._loop, delay):
                orders = self._restarts.orders()
                self._mount(**orders["mount"])
                self._create(**orders["create"])
                if self._restarts.wait(self._loop, 0):
                    os.unlink(self._files.started)
                    self._start(remove=False)
                    os.unlink(self._files.exit)  # until now it is said to be restarting
                    return
                last = {**last, "clean": self._undo(force=True)}
        except (OcinbError, OSError) as error:
            message = f"it could not be run again: {error}"
            last = {**last, "error": message, "clean": self._undo(force=True)}
        self._leave(self._note_exit(last))

    def _give_up(self) -> None:
        """The engine was killed half-way, or it left what then could not be created: leave nothing
        but the word that it was so.
        """
        clean = self._undo(force=True)
        self._offspring.end()
        message = "whoever started it went away before the program ran"
        if self._loop.detached:
            message = self._failed
        last = {"exit_status": None, "time": time.time(), "error": message, "clean": clean}
        self._leave(self._note_exit(last))

    def _undo(self, *, force: bool) -> bool:
        """Have the runtime delete the container, then undo the mount; whether all is gone."""
        deleted = self._delete(force=force)
        return self._unmount() and deleted

    def _delete(self, *, force: bool) -> bool:
        began, clean = time.time(), True
        if self._runtime is not None:
            self._telling.step(11, "delete was called")
            try:
                self._call("delete", force=force)
                self._telling.step(12, "seen from outside: delete returned", time.time() - began)
            except ContainerError as error:
                clean = False
                self._telling.record(Warned(message=error.message))
        return clean

    def _unmount(self) -> bool:
        mounted, self._mounted = self._mounted, None
        if mounted is None:
            return True
        try:
            try:
                self._mounts.undo(mounted)
            except SyscallError:
                # A process that outlived the container works in it still: it ends with that.
                self._mounts.undo(mounted, lazy=True)
        except (OcinbError, OSError) as error:
            self._telling.record(Warned(message=str(error)))
            return False
        return True

    def _leave(self, last: dict[str, Any]) -> None:
        self._loop.say(EXIT, json.dumps(last).encode())
        self._loop.flush(_LAST_WORDS)
        self._let_go_of_standby()
        self._let_go_of_runtime()  # files that are removed take room as long as they are open
        self._unmount()
        if self._remove:
            self._remove_files()
        self._done = True

    def _remove_files(self) -> None:
        """Remove the container's directory once nobody reads in it; see ``Containers.forget``."""
        end = time.monotonic() + _LAST_WORDS
        while self._loop.connected and time.monotonic() < end:
            self._loop.turn(timeout=0.1)
        if not self._loop.connected:
            note(self._files, "remove")
            with contextlib.suppress(FileNotFoundError), removing(self._files):
                remove_tree(self._files.directory)

    def _note_exit(self, document: dict[str, Any]) -> dict[str, Any]:
        # On a full disk who is connected hears of it by the last frame, and a container without
        # exit.json is known to have ended by its process.
        with contextlib.suppress(OcinbError):
            write_json(self._files.exit, document)
        return document

    # the runtime

    def _create_on_pipes(self, interactive: bool) -> None:
        stdout, stderr = self._loop.output.make_pipes()
        stdin = self._loop.input.make_pipe() if interactive else os.open(os.devnull, os.O_RDONLY)
        try:
            self._call("create", stdio=(stdin, stdout, stderr))
        finally:
            for descriptor in (stdin, stdout, stderr):
                os.close(descriptor)

    def _create_on_terminal(self) -> None:
        with Console() as console:
            self._call("create", console=console.path)
            self._loop.use_terminal(console.receive())

    def _arguments(self, operation: str, console: str, *, force: bool) -> list[str]:
        words = []
        if operation == "create":
            words = ["--bundle", self._files.bundle, "--pid-file", self._files.pid_file]
        if console:
            words += ["--console-socket", console]
        return [*words, *(["--force"] if force else []), self._container]

    def _call(
        self,
        operation: str,
        *,
        force: bool = False,
        console: str = "",
        stdio: tuple[int, int, int] | None = None,
    ) -> None:
        """Run an operation of the runtime to its end, and watch everything else meanwhile."""
        assert self._runtime is not None
        files, started = self._files, time.perf_counter()
        arguments = self._arguments(operation, console, force=force)
        argv = self._runtime.command(
            operation, *arguments, log=files.runtime_log, events=files.events
        )

        def ended(status: int) -> None:
            seconds = time.perf_counter() - started
            self._telling.record(
                RuntimeCalled(argv=argv, status=status, seconds=seconds, container=self._container)
            )

        if self._own is not None:
            with standard_streams(stdio):
                status = self._own.perform([operation, *arguments], force=force, console=console)
            ended(status)
            if status:
                raise failure(self._runtime, operation, status, self._own.said)
            return
        call_runtime(
            self._kernel,
            self._loop,
            self._runtime,
            argv,
            operation=operation,
            log=files.runtime_log,
            stdio=stdio,
            given_up=None if operation == "delete" else lambda: self._abandoned,
            begun=self._trace if self._strace and operation == "create" else None,
            ended=ended,
        )

    def _let_go_of_runtime(self) -> None:
        """What was made of the container's life before is of no use for the next."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def _let_go_of_standby(self) -> None:
        """It has become the container's process, or is not needed."""
        if self._standby is not None:
            self._standby.end()
            self._standby = None

    def _watch_init(self, pid: int) -> None:
        """Watch the container's process, and listen: before anybody can see that it runs."""
        self._init = Process.of(pid)
        if pid not in self._loop.ended:
            self._init_fd = os.pidfd_open(pid)
        if not self._loop.listening:
            self._loop.listen(control_socket.listen(self._files.directory))

    def _forget_init(self) -> None:
        """There is no such process any more."""
        if self._init_fd >= 0:
            os.close(self._init_fd)
        self._init, self._init_fd = _NOBODY, -1

    def _trace(self, pid: int) -> None:
        """Have the runtime's ``create`` traced, and with it what becomes the program."""
        self._tracer = attach(self._kernel, self._loop, self._strace, pid, self._files.strace)
        self._offspring.add(self._tracer)  # it ends with what it traces

    def _make_directory(self, path: str) -> None:
        """The working directory is made where the image lacks it, as docker does."""
        root = os.open(self._files.rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.close(Beneath(self._kernel, root).make_directory(path))
        finally:
            os.close(root)

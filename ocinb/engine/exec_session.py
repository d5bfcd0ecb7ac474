"""A further process in a container, watched over by a child of the container's monitor.

The child is in the namespaces in which the container was made, so that an ordinary user's
container can be joined. It holds the streams of the one process, and ends with it.
"""

from __future__ import annotations

import contextlib
import json
import os
from functools import partial

from ocinb.engine.container_files import ContainerFiles
from ocinb.engine.exit_status import of_wait
from ocinb.engine.forked_runtime import perform_here
from ocinb.engine.frames import EXIT, REPLY, error_document
from ocinb.engine.loop import Loop
from ocinb.engine.process_title import set_title
from ocinb.engine.runtime_call import call_here, call_runtime
from ocinb.engine.runtime_process import RuntimeProcess
from ocinb.engine.terminal import Console, set_size
from ocinb.errors import OcinbError, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.whole_file import write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.engine.client import Client

_LAST_WORDS = 5.0
"""Seconds that an engine has to read the last frames."""


class ExecSession:
    """Runs one process by the runtime's ``exec``.

    Args:
        files: of the container.
        kernel: makes the system calls.
        runtime: the one that made the container.
        control: the socket to the engine that asked for it.
    """

    def __init__(
        self, files: ContainerFiles, kernel: Kernel, runtime: RuntimeProcess, control: int
    ) -> None:
        self._files = files
        self._kernel = kernel
        self._runtime = runtime
        self._loop = Loop(control, "", self._at_once)
        self._path = f"{files.directory}/exec-{os.urandom(6).hex()}"
        self._pid = 0
        self._process = -1

    def serve(
        self, process: dict[str, Any], container: str, streams: list[int], *, detach: bool
    ) -> None:
        """Run it, tell how it went, and wait until it has ended.

        Args:
            process: the process document. Spec: runtime-spec config.md#process
            container: its id for the runtime.
            streams: descriptors of standard input (-1: there is none) and of where output goes
                (-1: to the engine).
            detach: leave it to the monitor as soon as it runs.
        """
        set_title("ocinb-exec", self._files.directory)
        self._kernel.prctl(f.PR_SET_CHILD_SUBREAPER, int(not detach))
        owner = self._loop.owner
        try:
            self._begin(process, container, streams, detach=detach)
        except (OcinbError, OSError) as error:
            owner.say(REPLY, json.dumps(error_document(error)).encode())
            self._loop.flush(_LAST_WORDS)
            return
        owner.say(REPLY, json.dumps({"pid": self._pid}).encode())
        if not detach:
            self._loop.output.release()
            while self._pid not in self._loop.ended:
                self._loop.turn(self._process)
            self._loop.output.drain()
            last = {"exit_status": of_wait(self._loop.ended[self._pid])}
            owner.say(EXIT, json.dumps(last).encode())
        self._loop.flush(_LAST_WORDS)

    def _begin(
        self, process: dict[str, Any], container: str, streams: list[int], *, detach: bool
    ) -> None:
        document, pid_file, log = (f"{self._path}.{kind}" for kind in ("json", "pid", "log"))
        arguments = ["--process", document, "--pid-file", pid_file, "--detach"]
        try:
            # Escaped, bytes that are no text get through as well.
            write_whole(document, json.dumps(process))
            if process.get("terminal"):
                with Console() as console:
                    self._call([*arguments, "--console-socket", console.path, container], log, None)
                    self._loop.use_terminal(console.receive())
            elif detach:
                self._call([*arguments, container], log, None)
            else:
                self._on_pipes([*arguments, container], log, wants_input=streams[0] >= 0)
            with open(pid_file, encoding="ascii") as file:
                self._pid = int(file.read())
        finally:
            for path in (document, pid_file, log):
                with contextlib.suppress(OSError):
                    os.unlink(path)
        if not detach:
            self._loop.owner.attach(streams[0], {1: streams[1], 2: streams[2]})
            if self._pid not in self._loop.ended:
                self._process = os.pidfd_open(self._pid)

    def _on_pipes(self, arguments: list[str], log: str, *, wants_input: bool) -> None:
        stdout, stderr = self._loop.output.make_pipes()
        reader = self._loop.input.make_pipe() if wants_input else os.open(os.devnull, os.O_RDONLY)
        try:
            self._call(arguments, log, (reader, stdout, stderr))
        finally:
            for descriptor in (reader, stdout, stderr):
                os.close(descriptor)

    def _call(self, arguments: list[str], log: str, stdio: tuple[int, int, int] | None) -> None:
        runtime, loop = self._runtime, self._loop
        argv = runtime.command("exec", *arguments, log=log, events=self._files.events)
        if runtime.ours:
            perform = partial(perform_here, argv[len(runtime.argv) :])
            call_here(runtime, perform, loop=loop, operation="exec", log=log, stdio=stdio)
        else:
            call_runtime(self._kernel, loop, runtime, argv, operation="exec", log=log, stdio=stdio)

    def _at_once(self, _: Client, order: dict[str, Any]) -> bool:
        """All that an engine can ask for while the process runs."""
        if order["do"] == "kill" and self._process >= 0 and self._pid not in self._loop.ended:
            self._send(order["signal"])
        elif order["do"] == "resize" and self._loop.output.terminal >= 0:
            set_size(self._kernel, self._loop.output.terminal, order["rows"], order["columns"])
        return True

    def _send(self, number: int) -> None:
        """Send a signal to the process and to what it has begun, as a terminal's Ctrl-C goes to
        all that work for a command: the session that it leads has no terminal to do so.
        """
        try:
            self._kernel.kill(-self._pid, number)
        except SyscallError:  # by proot it leads none
            self._kernel.pidfd_send_signal(self._process, number)

"""The launcher as a process that wants a container has it: started once, asked whenever needed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocinb import __version__
from ocinb.engine.frames import LONGEST_REQUEST
from ocinb.engine.process_title import ROOM
from ocinb.engine.runtime_process import RuntimeProcess, interpreter
from ocinb.errors import ContainerError
from ocinb.frozen import Frozen
from ocinb.linux.bell import make_bell, ring

_PROGRAM = Path(__file__).with_name("launcher.py")
_MOST_LEARNT = 20
"""Filters of system calls that a launcher keeps."""
_NOT_FOR_CONTAINERS = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET")
"""Variables that are about descriptors and sockets of this process, not of its children."""


class Called(Frozen):
    """An operation of a runtime that was carried out.

    Attributes:
        status: exit status; negative: killed by that signal.
        stdout: what it wrote.
        stderr: what it complained of.
    """

    status: int
    stdout: bytes
    stderr: bytes


class LauncherProcess:
    """A launcher, started at once and in the background.

    It ends with this process, or when it is closed. It has the environment and the namespaces of
    this moment.
    """

    def __init__(self) -> None:
        self.made_for = _situation()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._version = ""
        self._learnt: set[bytes] = set()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {k: v for k, v in os.environ.items() if k not in _NOT_FOR_CONTAINERS}
        self._bell = make_bell()
        given = [theirs.fileno(), self._bell]
        with theirs:
            self._process = subprocess.Popen(
                [interpreter(), "-I", "-S", str(_PROGRAM), *map(str, given), ROOM],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=given,
                env=environment,
                # A notebook's interrupt goes to its whole process group.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it is there, and still stands where this process does."""
        return self._process.poll() is None and self.made_for == _situation()

    @property
    def _closed(self) -> bool:
        return self._socket.fileno() < 0

    def request(self, become: str, descriptors: Sequence[int], **values: object) -> None:
        """Have it fork a child that becomes something.

        Args:
            become: ``monitor`` or ``operation``.
            descriptors: that the child gets; the launcher's copies are closed.
            values: for the child.

        Raises:
            ConnectionError: it was killed.
            ContainerError: it is of another version, or could not start.
        """
        self._greet()
        data = json.dumps({"become": become, **values}).encode()
        if len(data) > LONGEST_REQUEST:
            raise ContainerError("the command line of the runtime is too long")
        self._send(data, descriptors)

    def learn(self, seccomp: dict[str, Any]) -> None:
        """Have it compile a filter of system calls, once for all containers that have the same.

        Nobody waits for it; the container that is made first compiles its own.
        """
        data = json.dumps({"learn": seccomp}).encode()
        if data in self._learnt or len(data) > LONGEST_REQUEST or len(self._learnt) >= _MOST_LEARNT:
            return
        self._learnt.add(data)
        with contextlib.suppress(ConnectionError):
            self._send(data)

    def _send(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        with self._sending:
            if self._closed:
                raise ConnectionError
            try:
                socket.send_fds(self._socket, [data], descriptors)
            finally:  # Ctrl-C must not leave a request that nobody hears of
                ring(self._bell)

    def _greet(self) -> None:
        """Hear of its version, once."""
        with self._lock:
            if not self._version:
                said = self._socket.recv(LONGEST_REQUEST)
                if not said:
                    raise ContainerError(f"the launcher of containers did not start: {self._why()}")
                self._version = json.loads(said)["version"]
        if self._version != __version__:
            raise ContainerError(
                f"ocinb was changed to version {self._version} while this process, of version "
                f"{__version__}, was running",
                hint="restart the kernel",
            )

    def _why(self) -> str:
        status = self._process.wait()
        assert self._process.stderr is not None
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {status}"

    def close(self) -> None:
        """End it; the monitors that it has begun go on."""
        with self._sending:  # its number is soon another's
            if not self._closed:
                self._socket.close()
                os.close(self._bell)
        self._process.kill()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()


_launchers: list[LauncherProcess] = []
"""That of this process, if there is one."""
_starting = threading.Lock()


def launcher() -> LauncherProcess:
    """The launcher of this process, started where there is none yet or any more.

    It returns at once; the first request waits until the launcher is ready.

    Raises:
        OSError: it could not be started.
    """
    with _starting:
        if _launchers and not _launchers[0].usable:
            _launchers.pop().close()
        if not _launchers:
            _launchers.append(LauncherProcess())
        return _launchers[0]


def request(become: str, descriptors: Sequence[int], **values: object) -> None:
    """Ask the launcher of this process, once more if it was killed. See ``LauncherProcess``."""
    try:
        launcher().request(become, descriptors, **values)
    except ConnectionError:
        launcher().request(become, descriptors, **values)


def call(runtime: RuntimeProcess, argv: Sequence[str]) -> Called:
    """Carry out a command line of a runtime; ours without a start of Python for it.

    Args:
        runtime: whose it is.
        argv: as ``RuntimeProcess.command`` gives it.

    Raises:
        ContainerError: the launcher could not be started, or was killed meanwhile.
    """
    if not runtime.ours:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return Called(status=done.returncode, stdout=done.stdout, stderr=done.stderr)
    words = argv[len(runtime.argv) :]
    ours, theirs = socket.socketpair()
    with (
        ours,
        open(os.memfd_create("stdout"), "r+b", 0) as stdout,
        open(os.memfd_create("stderr"), "r+b", 0) as stderr,
    ):
        with theirs:
            given = [theirs.fileno(), stdout.fileno(), stderr.fileno()]
            request("operation", given, words=list(words))
        said = ours.makefile("rb")
        with said:
            pid = said.readline()
            try:
                status = said.readline()
            except BaseException:
                with contextlib.suppress(ProcessLookupError, ValueError):
                    os.kill(int(pid), signal.SIGKILL)
                raise
        if not status.endswith(b"\n"):
            raise ContainerError("the process that carried out the runtime's operation was killed")
        stdout.seek(0)
        stderr.seek(0)
        return Called(status=int(status), stdout=stdout.read(), stderr=stderr.read())


def _situation() -> tuple[object, ...]:
    """What a launcher inherits and cannot change: should it differ by now, another is needed."""
    namespaces = tuple(os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "user", "net"))
    return (os.geteuid(), os.getegid(), *namespaces)

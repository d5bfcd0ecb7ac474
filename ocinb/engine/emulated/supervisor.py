"""The process that stands for a container: it starts the program, passes signals on, and ends as
the program ended.

It is the container's process for everybody else: its number is in the pid file and the state.
When the program has ended, everything that it left running is ended too, as the kernel does with
a pid namespace.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

from ocinb.engine.emulated.launch_plan import STATUS_DESCRIPTOR
from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux.processes import children, descendants, parent
from ocinb.linux.rlimits import NUMBERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from ocinb.engine.emulated.launch_plan import LaunchPlan
    from ocinb.runtime.recording import Recording

_SIGNALLED = 128
_NOT_STARTED = 127
_BIRTH = 2.0
"""Seconds that a signal waits for the program to be there."""
_LOOK = 2
"""Milliseconds between two looks whether it is."""
_PASSED = frozenset(signal.valid_signals()) - {
    signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGTTOU, signal.SIGTTIN,
}  # fmt: skip
_FATAL = frozenset({
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT, signal.SIGTERM, signal.SIGUSR1,
    signal.SIGUSR2, signal.SIGALRM,
})  # fmt: skip


class Supervisor:
    """Runs one program; to be used in a process of its own.

    Args:
        recording: its kernel makes the system calls.
        plan: what is executed.
        process: of config.json, for its limits.
        extra: descriptors from 3 on that the program shall have.
        tracers: the file that takes the number of the process that is executed; empty: none.
    """

    def __init__(
        self,
        recording: Recording,
        plan: LaunchPlan,
        process: dict[str, Any],
        extra: int = 0,
        *,
        tracers: str = "",
    ) -> None:
        self._tracers = tracers
        self._recording = recording
        self._kernel = recording.kernel
        self._plan = plan
        self._process = process
        self._extra = extra
        self._child = -1
        self._sent = 0
        self._told = b""

    def prepare(self) -> None:
        """Be who inherits what the program leaves behind."""
        self._kernel.prctl(f.PR_SET_CHILD_SUBREAPER, 1)

    def run(self, running: Callable[[], None] | None = None) -> NoReturn:
        """Start the program, wait for its end, and end with its status.

        Args:
            running: called once the program is executed, or has ended already.
        """
        wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        for number in (*_PASSED, signal.SIGCHLD):
            with contextlib.suppress(OSError, ValueError):  # some belong to the C library
                signal.signal(number, _note)
        status_reader, status_writer = os.pipe2(os.O_CLOEXEC)
        self._recording.flush()
        self._child = os.fork()
        if self._child == 0:
            self._become(status_writer)
        os.close(status_writer)
        if self._tracers:
            with open(self._tracers, "a", encoding="ascii") as file:
                file.write(f"{self._child}\n")
        if running:
            self._await_program()
            running()
        status = self._watch(wake, status_reader)
        self._end_others()
        os._exit(status)

    def _await_program(self) -> None:
        """Until the program is executed; it need not be, where what executes it ends before."""
        ended = os.pidfd_open(self._child)
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        end = time.monotonic() + _BIRTH
        while not self._is_executed() and time.monotonic() < end and not poll.poll(_LOOK):
            continue
        os.close(ended)

    def _is_executed(self) -> bool:
        """Whether the program's process is no longer a copy of who began it."""
        pid = self._program()
        return pid is not None and _command(pid) != _command(parent(pid))

    def _watch(self, wake: int, status_reader: int) -> int:
        """Until the program has ended; its status."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(status_reader, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if status_reader in ready:
                told = os.read(status_reader, 16)
                self._told += told
                if not told:
                    poll.unregister(status_reader)
                elif self._told.endswith(b"\n"):
                    return _status(self._told)
            if wake in ready:
                for number in os.read(wake, 4096):
                    if number != signal.SIGCHLD:
                        self._pass(number)
                ended = self._reap()
                if ended is not None:
                    self._told += _rest(status_reader)
                    return self._conclude(ended)

    def _reap(self) -> int | None:
        """The wait status of what was executed, once it has ended."""
        found = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if pid == 0:
                return found
            if pid == self._child:
                found = status

    def _conclude(self, status: int) -> int:
        if self._told.endswith(b"\n"):
            return _status(self._told)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            return _SIGNALLED - code
        # proot does not tell of signals: the one that we passed on is the likely one.
        if self._plan.depth and code == 255 and self._sent:
            return _SIGNALLED + self._sent
        return code

    def _pass(self, number: int) -> None:
        """Pass a signal on to the program, which may be just about to be there."""
        if number in _FATAL:
            self._sent = number
        end = time.monotonic() + _BIRTH
        target = self._program()
        while target is None and time.monotonic() < end:
            time.sleep(0.005)
            target = self._program()
        with contextlib.suppress(ProcessLookupError):
            os.kill(target or self._child, number)

    def _program(self) -> int | None:
        pid = self._child
        for _ in range(self._plan.depth):
            found = children(pid)
            if not found:
                return None
            pid = found[0]
        return pid

    def _end_others(self) -> None:
        """End what the program left running, its tracer too."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._child, self._plan.last_signal)
        end = time.monotonic() + _BIRTH
        while time.monotonic() < end:
            for pid in descendants(os.getpid()):
                if pid != self._child:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    continue
                time.sleep(0.005)
                continue
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)

    # in the child

    def _become(self, status_writer: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in signal.valid_signals():
                with contextlib.suppress(OSError, ValueError):
                    signal.signal(number, signal.SIG_DFL)
            self._kernel.prctl(f.PR_SET_PDEATHSIG, self._plan.last_signal)
            if os.isatty(0):
                os.setpgid(0, 0)
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
                os.tcsetpgrp(0, os.getpid())
            signal.pthread_sigmask(signal.SIG_SETMASK, set())
            os.chdir(self._plan.directory)
            self._limit()
            self._close(status_writer)
            self._execute()
        except (SyscallError, OSError) as error:
            reason = os.strerror(error.errno or 0).lower()
            os.write(2, f"{self._plan.argv[0]}: {reason}\n".encode())
        finally:
            os._exit(_NOT_STARTED)

    def _limit(self) -> None:
        for limit in self._process.get("rlimits") or ():
            number = NUMBERS[limit["type"]]
            self._kernel.prlimit(0, number, limit["soft"], limit["hard"], name=limit["type"])
        adjustment = self._process.get("oomScoreAdj")
        if adjustment is not None:
            with contextlib.suppress(SyscallError):  # to lower it takes a privilege
                self._kernel.write("/proc/self/oom_score_adj", str(adjustment))
        umask = (self._process.get("user") or {}).get("umask")
        os.umask(0o022 if umask is None else umask)

    def _close(self, status_writer: int) -> None:
        self._kernel.close_range(3 + self._extra, flags=f.CLOSE_RANGE_CLOEXEC)
        for descriptor in range(3, 3 + self._extra):
            with contextlib.suppress(OSError):
                os.set_inheritable(descriptor, True)
        if self._plan.tells_status:
            os.dup2(status_writer, STATUS_DESCRIPTOR)
            os.set_inheritable(STATUS_DESCRIPTOR, True)

    def _execute(self) -> None:
        variables = {os.fsencode(n): os.fsencode(v) for n, v in self._plan.variables.items()}
        arguments = [os.fsencode(argument) for argument in self._plan.argv]
        self._kernel.prctl(f.PR_SET_NO_NEW_PRIVS, 1)
        if self._plan.filter:
            self._kernel.execve_filtered(
                arguments[0], arguments, variables, program=self._plan.filter, flags=0
            )
        self._kernel.execve(arguments[0], arguments, variables)


def _command(pid: int) -> bytes:
    """A process's program and arguments; empty where it is gone, or about to be another."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _note(_number: int, _frame: object) -> None:
    """The number goes to the wake-up descriptor."""


def _status(told: bytes) -> int:
    try:
        return int(told.strip())
    except ValueError:
        return _NOT_STARTED


def _rest(reader: int) -> bytes:
    os.set_blocking(reader, False)
    try:
        return os.read(reader, 16)
    except BlockingIOError:
        return b""

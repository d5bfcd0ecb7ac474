"""``try_runtimes``: take one bundle through its life, by each of several runtimes.

A runtime is called by its command line only, as an engine calls it, so that all of them are
measured in the same way. Each of them first runs the bundle as a whole, for what the program
says and how it ends; then step by step, several times in turn, for the times; at last once more
under strace, for the system calls.

Spec: runtime-spec runtime.md#operations
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import statistics
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

from ocinb.engine.runtime_process import failure, last_line
from ocinb.engine.trials import calls
from ocinb.errors import StepFailed
from ocinb.frozen import Frozen
from ocinb.linux.processes import all_pids

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ocinb.engine.runtime_process import RuntimeProcess

OPERATIONS = ("create", "start", "program", "delete")
"""What is timed; ``program``: from start's return until the container's process has ended."""

PREFIX = "compare-"
"""How the IDs of the containers begin."""

LONGEST = 10.0
"""Seconds that the program may run before it is killed."""

_KEPT = 100_000
"""Bytes of the program's output that are compared, and as many of its standard error."""
_CALL = 60.0
"""Seconds that a runtime may take for an operation."""
_TRACED = 10.0
"""Seconds after the end of a container in which strace must have ended too."""


class Trial(Frozen):
    """What came of it.

    Attributes:
        runtime: its name.
        version: in its own words, a line.
        seconds: for each of ``OPERATIONS``, the median of the rounds.
        statuses: the container's, behind ``create`` and ``program``.
        exit_status: of the program; None: it was killed, for it went on too long.
        output: what it wrote, standard error behind standard output: runc copies each of the two by
            itself, so that of their common order nothing is known.
        calls: ``create``, ``start`` and ``delete`` → system call → how often; empty: not traced.
    """

    runtime: str
    version: str
    seconds: Mapping[str, float]
    statuses: Mapping[str, str]
    exit_status: int | None
    output: bytes
    calls: Mapping[str, Counter[str]]


def try_runtimes(
    runtimes: Sequence[RuntimeProcess],
    bundle: Path,
    directory: Path,
    *,
    rounds: int = 3,
    longest: float = LONGEST,
) -> list[Trial]:
    """Try them, in turn.

    Args:
        directory: an empty one for what is needed meanwhile.
        rounds: for the times.
        longest: see ``LONGEST``.

    Returns:
        One for each runtime. The calls are there where strace is, and this is the superuser:
        setuid programs, by which an ordinary user's containers get their ids, may not be traced.

    Raises:
        StepFailed: a runtime could not do one of its operations, or hangs in it; the container
            is undone.
    """
    tried = [_Tried(runtime, bundle, directory, longest) for runtime in runtimes]
    for one in tried:
        one.as_a_whole()
    for _ in range(rounds):
        for one in tried:
            one.step_by_step()
    for one in tried:
        one.looked_at()
    return [one.trial() for one in tried]


class _Tried:
    """One runtime."""

    def __init__(
        self, runtime: RuntimeProcess, bundle: Path, directory: Path, longest: float
    ) -> None:
        self._runtime = runtime
        self._bundle = bundle
        self._directory = directory
        self._longest = longest
        self._seconds: dict[str, list[float]] = {name: [] for name in OPERATIONS}
        self._statuses: dict[str, str] = {}
        self._exit_status: int | None = None
        self._output = b""
        self._calls: dict[str, Counter[str]] = {}

    def trial(self) -> Trial:
        """What came of it."""
        return Trial(
            runtime="ocinb-runtime" if self._runtime.ours else self._runtime.name,
            version=self._version(),
            seconds={name: statistics.median(each) for name, each in self._seconds.items() if each},
            statuses=self._statuses,
            exit_status=self._exit_status,
            output=self._output,
            calls=self._calls,
        )

    def as_a_whole(self) -> None:
        """``run``: what the program says, and how it ends."""
        with (
            self._container() as container,
            tempfile.TemporaryFile(dir=self._directory) as output,
            tempfile.TemporaryFile(dir=self._directory) as errors,
        ):
            argv = self._runtime.command("run", "--bundle", str(self._bundle), container)
            running = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
            try:
                self._exit_status = running.wait(self._longest)
            except subprocess.TimeoutExpired:
                self._call("kill", container, "KILL")
                running.wait(_CALL)
            finally:
                if running.poll() is None:
                    running.kill()
                    running.wait()
            for file in (output, errors):
                file.seek(0)
                self._output += file.read(_KEPT)

    def step_by_step(self) -> None:
        """Each operation by itself, timed."""
        with self._container() as container:
            for name, seconds in self._steps(container):
                self._seconds[name].append(seconds)

    def looked_at(self) -> None:
        """Likewise, with the status after each, and under strace where that can be."""
        names = ("create", "start", "delete") if _can_trace() else ()
        traces = {name: self._directory / f"{name}.strace" for name in names}
        done: dict[str, float] = {}
        pid = 0
        with self._container() as container:
            for name, _ in self._steps(container, traces):
                done[name] = time.time()
                if name in ("create", "program"):
                    state = self._state(container)
                    self._statuses[name] = str(state.get("status", ""))
                    pid = pid or int(state.get("pid") or 0)
        if traces:
            self._count(traces, pid, done["create"])

    def _count(self, traces: Mapping[str, Path], pid: int, created: float) -> None:
        _wait_for_tracers(traces.values())
        lines = {n: path.read_text(errors="replace").splitlines() for n, path in traces.items()}
        # The container's process was made in create, and does in start what is left to do.
        executed = calls.executed(lines["create"], pid, created)
        before = calls.count(lines["create"], until=created)
        after = calls.count(lines["create"], until=executed or created) - before
        self._calls = {
            "create": before,
            "start": calls.count(lines["start"]) + after,
            "delete": calls.count(lines["delete"]),
        }
        for path in traces.values():
            path.unlink()

    def _steps(
        self, container: str, traces: Mapping[str, Path] | None = None
    ) -> Iterator[tuple[str, float]]:
        """Carry the operations out; after each its name, and the seconds that it took."""
        traces = traces or {}
        pid_file = self._directory / f"{container}.pid"
        where = ("--bundle", str(self._bundle), "--pid-file", str(pid_file))
        seconds = self._do("create", *where, container, trace=traces.get("create"))
        pidfd = os.pidfd_open(int(pid_file.read_text()))
        try:
            yield "create", seconds
            yield "start", self._do("start", container, trace=traces.get("start"))
            begin = time.perf_counter()
            if not _ended(pidfd, self._longest):
                self._call("kill", container, "KILL")
                _ended(pidfd, _CALL)
            yield "program", time.perf_counter() - begin
        finally:
            os.close(pidfd)
            pid_file.unlink(missing_ok=True)
        yield "delete", self._do("delete", container, trace=traces.get("delete"))

    @contextlib.contextmanager
    def _container(self) -> Iterator[str]:
        """The ID of one that is to be; it is no more when the block is left."""
        container = f"{PREFIX}{secrets.token_hex(6)}"
        try:
            yield container
        finally:
            self._call("delete", "--force", container)

    def _do(self, operation: str, *arguments: str, trace: Path | None) -> float:
        """One operation; the seconds that it took.

        Raises:
            StepFailed: it failed.
        """
        begin = time.perf_counter()
        status, said = self._call(operation, *arguments, trace=trace)
        seconds = time.perf_counter() - begin
        if status:
            raise failure(self._runtime, operation, status, last_line(said))
        return seconds

    def _state(self, container: str) -> dict[str, Any]:
        argv = self._runtime.command("state", container)
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CALL, check=False
        )
        try:
            state = json.loads(done.stdout)
        except ValueError:
            return {}
        return state if isinstance(state, dict) else {}

    def _version(self) -> str:
        argv = (*self._runtime.argv, "--version")
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CALL, check=False
        )
        return done.stdout.decode(errors="replace").strip().partition("\n")[0]

    def _call(
        self, operation: str, *arguments: str, trace: Path | None = None
    ) -> tuple[int, bytes]:
        """Call the runtime; its exit status and its words.

        The container inherits the descriptors: a pipe would stay open for as long as it lives.
        """
        argv = self._runtime.command(operation, *arguments)
        if trace is not None:
            argv = (*calls.ARGUMENTS, f"--output={trace}", *argv)
        with tempfile.TemporaryFile(dir=self._directory) as words:
            try:
                done = subprocess.run(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=words,
                    timeout=_CALL,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise StepFailed(
                    f"{self._runtime.name} hangs in {operation}: it did not end in {_CALL:.0f} s"
                ) from None
            words.seek(0)
            return done.returncode, words.read()


def _can_trace() -> bool:
    return shutil.which("strace") is not None and os.geteuid() == 0


def _ended(pidfd: int, seconds: float) -> bool:
    """Wait for the end of a process that need not be a child; whether it came."""
    return bool(select.select([pidfd], [], [], seconds)[0])


def _wait_for_tracers(files: Iterable[Path]) -> None:
    """Wait until nobody writes the files any more."""
    words = {f"--output={path}".encode() for path in files}
    end = time.monotonic() + _TRACED
    while time.monotonic() < end and any(words & _command_line(pid) for pid in all_pids()):
        time.sleep(0.02)


def _command_line(pid: int) -> set[bytes]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return {*file.read().split(b"\0")}
    except OSError:
        return set()

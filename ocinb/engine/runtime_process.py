"""An OCI runtime as a command line: ours, runc, crun, or any other with the same arguments.

Spec: none (runc convention; the runtime specification names operations, not arguments)
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys

from ocinb.engine.emulated.launch_plan import KINDS
from ocinb.errors import StepFailed, UnsupportedHost
from ocinb.frozen import Frozen
from ocinb.linux import flags as f
from ocinb.linux.namespaces import in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel

OURS = "ocinb"
_PACKAGES = {"runc": "runc", "crun": "crun"}


class RuntimeProcess(Frozen):
    """How to call a runtime.

    Attributes:
        name: as in the settings: ``ocinb``, ``runc``, ``crun``, ``proot``, ``fakechroot`` or a
            path.
        argv: the program, with what comes before all options.
        root: where it keeps the state of its containers (``--root``).
    """

    name: str
    argv: tuple[str, ...]
    root: str

    @property
    def ours(self) -> bool:
        """Whether it is ocinb-runtime, which tells its steps and system calls as events."""
        return self.name == OURS

    @property
    def tells(self) -> bool:
        """Whether it tells its steps as events: ours does, and what takes its place."""
        return self.ours or self.name in KINDS

    def command(
        self, operation: str, *arguments: str, log: str = "", events: str = ""
    ) -> tuple[str, ...]:
        """The whole command line of an operation.

        Args:
            operation: ``create``, ``start``, ``state``, ``kill`` or ``delete``.
            arguments: behind it.
            log: where it shall write why it failed, as JSON lines.
            events: where our runtime shall write events; other runtimes have none.
        """
        options = ["--root", self.root]
        if log:
            options += ["--log", log, "--log-format", "json"]
        if events and self.tells:
            options += ["--events", events]
        return (*self.argv, *options, operation, *arguments)

    def begin(
        self, kernel: Kernel, argv: tuple[str, ...], *, stdin: int, stdout: int, stderr: int
    ) -> int:
        """Begin a command line from ``command`` with these three descriptors; its pid.

        It is killed when this process is. For a process with one thread.
        """
        words = argv[len(self.argv) :]
        if not self.tells or (self.ours and _hooks_must_see(words)):
            return spawn(kernel, argv, stdin=stdin, stdout=stdout, stderr=stderr)
        from ocinb.engine.forked_runtime import fork_runtime

        kind = "" if self.ours else self.name
        return fork_runtime(kernel, words, stdin=stdin, stdout=stdout, stderr=stderr, kind=kind)


def find_runtime(name: str, root: str) -> RuntimeProcess:
    """The runtime of a name or path.

    Raises:
        UnsupportedHost: there is no such program.
    """
    if name == OURS:
        main = os.path.join(os.path.dirname(os.path.dirname(__file__)), "runtime", "__main__.py")
        # Without site and user directories Python starts in half the time.
        return RuntimeProcess(name=name, argv=(interpreter(), "-I", "-S", main), root=root)
    if name in KINDS:
        main = os.path.join(os.path.dirname(__file__), "emulated", "__main__.py")
        return RuntimeProcess(name=name, argv=(interpreter(), "-I", "-S", main, name), root=root)
    path = name if "/" in name else _which(name)
    if not path or not os.access(path, os.X_OK) or os.path.isdir(path):
        package = _PACKAGES.get(name)
        raise UnsupportedHost(
            f"there is no OCI runtime {name}" + ("" if "/" in name else " on PATH"),
            hint=f"apt-get install {package}, or use --runtime {OURS}"
            if package
            else f"name one that is there, or use --runtime {OURS}",
        )
    return RuntimeProcess(name=name, argv=(os.path.abspath(path),), root=root)


def interpreter() -> str:
    """The path of the Python that runs us, outside of any virtual environment."""
    return getattr(sys, "_base_executable", None) or sys.executable


def complaint(log: str) -> str:
    """The last error that a runtime wrote to its log; empty if it wrote none."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("level") in ("error", "fatal"):
            return str(entry.get("msg", ""))
    return ""


def last_line(said: bytes) -> str:
    """What a runtime said last on standard error, without its own name."""
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("ocinb-runtime: ") if lines else ""


_LITTLE_MEMORY = re.compile(
    r"memory\.(limit_in_bytes|max).*busy|unable to set memory limit|OOM-killed|out of memory",
    re.IGNORECASE,
)
_MEMORY_HINT = "no container starts with so little memory: give it 6m or more"


def failure(runtime: RuntimeProcess, operation: str, status: int, message: str) -> StepFailed:
    """The error for a runtime that ended with a status other than 0."""
    how = message or f"ended with status {status} and did not say why"
    name = "ocinb-runtime" if runtime.ours else runtime.name
    said = f"{name} could not {operation} the container: {how}"
    return StepFailed(said, hint=_MEMORY_HINT if _LITTLE_MEMORY.search(how) else None)


def spawn(kernel: Kernel, argv: tuple[str, ...], *, stdin: int, stdout: int, stderr: int) -> int:
    """Start a program with these three descriptors and nothing else of ours; its pid.

    It is killed when this process is: nobody would know what it goes on to make. For a process
    with one thread. Signals are as a program expects them: Python ignores SIGPIPE
    and SIGXFSZ, and ``posix_spawn`` of the GNU C library would leave 32 and 33 ignored.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        kernel.prctl(f.PR_SET_PDEATHSIG, signal.SIGKILL)
        for target, descriptor in enumerate((stdin, stdout, stderr)):
            if descriptor == target:
                os.set_inheritable(target, True)
            else:
                os.dup2(descriptor, target)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execv(argv[0], argv)
    finally:
        os._exit(127)


def _hooks_must_see(words: tuple[str, ...]) -> bool:
    """Whether hooks will look at a container that is made in a user namespace.

    The kernel takes the memory of a process for that of the user namespace in which its program
    was executed. One that was only forked there is out of reach for a hook, whose power ends
    with the user namespace: /proc/PID/ns cannot be opened.
    """
    if "create" not in words or not in_user_namespace():
        return False
    config = os.path.join(words[words.index("--bundle") + 1], "config.json")
    try:
        with open(config, "rb") as file:
            return b'"hooks"' in file.read()
    except OSError:
        return False  # the runtime says what is wrong


def _which(name: str) -> str | None:
    for directory in os.get_exec_path():
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return None

"""``run --strace``: strace, attached from outside to a container's own program and its children.

The monitor attaches it to the runtime while that creates the container, so that it follows the
container's process from its first breath: later the kernel would refuse it to an ordinary user,
for that process must not be looked at until it is the program. What the runtime does meanwhile is
thrown away. ``trace`` reads the rest: ``strace_output.py``.

Spec: none (a convenience of ours)
"""

from __future__ import annotations

import os

from ocinb.errors import ContainerError
from ocinb.runtime.descriptors import close_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.engine.loop import Loop
    from ocinb.linux.syscalls import Kernel

_SIGKILL, _SIGCONT, _SIGSTOP = 9, 18, 19

MOST = 16_000_000
"""Bytes that are written down of what a program does; after that it goes on untraced."""
_SHOWN = 80
"""Bytes of a string that are shown."""
_LOOK = 0.005
"""Seconds between looks whether it is attached."""


def attach(kernel: Kernel, loop: Loop, program: str, pid: int, output: str) -> int:
    """Have a process, which has just begun, and all that it starts traced from now on.

    Args:
        kernel: makes the system calls.
        loop: turned while we wait.
        program: the path of strace.
        pid: the process.
        output: the file to write to.

    Returns:
        The pid of strace, a child of this process. It ends when all that it traces have.

    Raises:
        ContainerError: it could not be attached; in its words. The process is killed then.
    """
    os.kill(pid, _SIGSTOP)  # so that it does nothing that nobody sees
    try:
        tracer = _attach(kernel, loop, program, pid, output)
    except BaseException:
        os.kill(pid, _SIGKILL)
        raise
    os.kill(pid, _SIGCONT)
    return tracer


def begin_with_program(tracer: int, pid: int, output: str) -> None:
    """Forget what the runtime did until now; from now on the container's process counts.

    Args:
        tracer: what ``attach`` returned.
        pid: the container's process.
        output: as for ``attach``.

    Raises:
        ContainerError: it is not traced.
    """
    if _tracer(pid) != tracer:
        raise ContainerError("--strace: it could not be attached in time", hint="try again")
    os.truncate(output, 0)


def _attach(kernel: Kernel, loop: Loop, program: str, pid: int, output: str) -> int:
    arguments = [
        program, "--follow-forks", "--absolute-timestamps=format:unix,precision:us",
        "--syscall-times", f"--string-limit={_SHOWN}", "--decode-fds=path",
        f"--output={output}", "--output-append-mode", f"--attach={pid}",
    ]  # fmt: skip
    with open(os.memfd_create("stderr"), "r+b", 0) as words:
        child = os.fork()
        if child == 0:
            try:
                _become(kernel, arguments, words.fileno())
            finally:
                os._exit(127)
        loop.ended.pop(child, None)
        while _tracer(pid) != child:
            if child in loop.ended:
                words.seek(0)
                said = words.read().decode(errors="replace").strip().splitlines()
                why = said[-1] if said else "it ended without a word"
                raise ContainerError(
                    f"--strace: the program cannot be traced: {why}",
                    hint="a program has one tracer, and the kernel may allow none: see ptrace(2)",
                )
            loop.turn(timeout=_LOOK)
    return child


def _become(kernel: Kernel, arguments: list[str], words: int) -> None:
    import resource  # in this process only

    null = os.open(os.devnull, os.O_RDONLY)
    for target, descriptor in enumerate((null, words, words)):
        os.dup2(descriptor, target)
    close_others(kernel, [])
    # SIGXFSZ ends it at this size, and lets go of what it traced.
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, MOST))
    os.execv(arguments[0], arguments)


def _tracer(pid: int) -> int:
    """The process that traces another one; 0: none."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("TracerPid:"):
                    return int(line.partition(":")[2])
    except OSError:
        return 0  # it has ended
    return 0

"""Our runtime's operations without a start of Python: the same code, in a forked child or here.

``ocinb-runtime`` and this are two ways into ``command_line.run_command``. A child is as a newly
executed program would be: three descriptors, no others, its own session's signals; only what is
in memory is shared with whoever forked it, until either writes to it. The container's process,
where a monitor forks it itself, closes what is not its own (``runtime/parent.py``).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from importlib import import_module

from ocinb import runtime
from ocinb.engine.process_title import set_title
from ocinb.errors import OcinbError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.network import hook
from ocinb.runtime import hooks, steps
from ocinb.runtime.command_line import INTERRUPTING, run_command
from ocinb.runtime.log import Log
from ocinb.runtime.seccomp import compile_seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_MODULES = (
    "encodings.ascii",
    "pwd",
    "ocinb.linux.raw_calls",
    "ocinb.network.bridge",
    "ocinb.network.container_namespace",
    "ocinb.network.listeners",
    "ocinb.network.proxy",
    "ocinb.network.serving",
)
"""What the operations import when they need it, besides the modules of the runtime itself."""


def preload() -> None:
    """Import all that an operation needs, and do once what is the same for all of them, so that
    its child has it already.
    """
    for name in _MODULES:
        import_module(name)
    for package in (runtime, steps):
        for name in sorted(os.listdir(package.__path__[0])):
            if name.endswith(".py") and not name.startswith("__"):
                import_module(f"{package.__name__}.{name.removesuffix('.py')}")
    hooks.AT_HAND[hook.__file__] = _network_hook
    for prefix in f.PREFIXES:
        str(f.Named(prefix, 0))


def _network_hook(words: list[str]) -> int:
    """The hook of our networks, as ``hook.py`` is by itself."""
    set_title("ocinb-network-hook", *words)
    return hook.main(words)


def learn(seccomp: dict[str, Any]) -> None:
    """Compile a filter of system calls, so that every later child has it already.

    One that cannot be made is an error of the container that wants it, not of ours.
    """
    with contextlib.suppress(OcinbError):
        compile_seccomp({"seccomp": seccomp}, Log())


def fork_runtime(
    kernel: Kernel, words: Sequence[str], *, stdin: int, stdout: int, stderr: int, kind: str = ""
) -> int:
    """Carry out a command line of ``ocinb-runtime`` in a child; its pid.

    The child is killed when this process is: nobody would know what it goes on to make. For a
    process with one thread.

    Args:
        kernel: makes the system calls.
        words: behind the program's name.
        stdin: the child's three descriptors; it has no others.
        kind: ``proot`` or ``fakechroot``, where one of them takes the runtime's place.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        kernel.prctl(f.PR_SET_PDEATHSIG, signal.SIGKILL)
        _perform(kernel, kind, words, (stdin, stdout, stderr))
    finally:
        os._exit(1)


def perform_here(words: Sequence[str]) -> int:
    """Carry out a command line of ``ocinb-runtime`` in this process; its exit status.

    Only for operations that run no hooks: these would have our descriptors.
    """
    return as_operation(lambda: _run("", words))


def as_operation(operation: Callable[[], int]) -> int:
    """Do what a command line of ``ocinb-runtime`` would do; its exit status.

    Signals that the operation handles are handled as before afterwards.
    """
    handlers = [(number, signal.getsignal(number)) for number in INTERRUPTING]
    try:
        return operation()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)


def become_operation(request: dict[str, Any], descriptors: list[int]) -> None:
    """Carry out a single operation; see ``LauncherProcess.call``.

    The descriptors are the socket on which the pid and then the exit status are said, standard
    output and standard error. It never returns.
    """
    set_title("ocinb-operation", *request["words"])
    control, stdout, stderr = descriptors
    kernel = Kernel()
    os.write(control, b"%d\n" % os.getpid())
    null = os.open(os.devnull, os.O_RDONLY)
    pid = fork_runtime(kernel, request["words"], stdin=null, stdout=stdout, stderr=stderr)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(control, b"%d\n" % status)
    os._exit(0)


def _perform(kernel: Kernel, kind: str, words: Sequence[str], stdio: tuple[int, int, int]) -> None:
    for target, descriptor in enumerate(stdio):
        os.dup2(descriptor, target)
    # The sockets and logs of whoever forked us are not ours, nor the container's. Nothing closes
    # their numbers again later, for this process ends without collecting what has them.
    kernel.close_range(3)
    os.chdir("/")
    set_title(f"ocinb-{kind or 'runtime'}", *words)
    status = 1
    try:
        status = _run(kind, words)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(status & 0xFF)


def _run(kind: str, words: Sequence[str]) -> int:
    if kind:
        from ocinb.engine.emulated.command_line import run_command as run_emulated

        return run_emulated(kind, words)
    return run_command(words)

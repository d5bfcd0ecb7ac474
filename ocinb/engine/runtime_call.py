"""One call of an OCI runtime by a process that watches other things meanwhile."""

from __future__ import annotations

import contextlib
import os

from ocinb.engine.runtime_process import complaint, failure, last_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ocinb.engine.loop import Loop
    from ocinb.engine.runtime_process import RuntimeProcess
    from ocinb.linux.syscalls import Kernel

    Stdio = tuple[int, int, int]


def call_runtime(
    kernel: Kernel,
    loop: Loop,
    runtime: RuntimeProcess,
    argv: tuple[str, ...],
    *,
    operation: str,
    log: str,
    stdio: Stdio | None = None,
    given_up: Callable[[], bool] | None = None,
    begun: Callable[[int], None] | None = None,
    ended: Callable[[int], None] | None = None,
) -> None:
    """Carry out a command line of a runtime to its end.

    Args:
        kernel: makes the system calls.
        loop: turned while we wait.
        runtime: whose command line it is.
        argv: as ``RuntimeProcess.command`` gives it.
        operation: its name, for errors.
        log: where the runtime writes why it failed.
        stdio: what becomes of its standard streams, the last two of which are those that
            ``Output.make_pipes`` made; None: they are not the container's.
        given_up: asked after each turn; true: nobody waits for it any more, and it is killed.
        begun: told the number of its process, as soon as it is there.
        ended: told its exit status.

    Raises:
        StepFailed: it ended with a status other than 0.
    """
    with open(os.devnull, "r+b", 0) as null, open(os.memfd_create("stderr"), "r+b", 0) as words:
        stdin, stdout, stderr = stdio or (null.fileno(), null.fileno(), words.fileno())
        pid = runtime.begin(kernel, argv, stdin=stdin, stdout=stdout, stderr=stderr)
        loop.ended.pop(pid, None)  # of an earlier process that had the same number
        if begun is not None:
            begun(pid)
        status = os.waitstatus_to_exitcode(_wait(loop, pid, given_up))
        if ended is not None:
            ended(status)
        if status:
            # On a full disk it has no log to write to, and says it on standard error only.
            words.seek(0)
            said = loop.output.withheld() if stdio else words.read()
            raise failure(runtime, operation, status, complaint(log) or last_line(said))


def call_here(
    runtime: RuntimeProcess,
    perform: Callable[[], int],
    *,
    loop: Loop,
    operation: str,
    log: str,
    stdio: Stdio | None = None,
) -> None:
    """Carry out an operation of our own runtime in this process, which saves a fork.

    For operations that have no hooks to run, so that they cannot take long. Arguments and errors
    as for ``call_runtime``, and ``perform`` does it, with the exit status that is returned.
    """
    with open(os.devnull, "r+b", 0) as null, open(os.memfd_create("stderr"), "r+b", 0) as words:
        with standard_streams(stdio or (null.fileno(), null.fileno(), words.fileno())):
            status = perform()
        if status:
            words.seek(0)
            said = loop.output.withheld() if stdio else words.read()
            raise failure(runtime, operation, status, complaint(log) or last_line(said))


@contextlib.contextmanager
def standard_streams(given: Stdio | None) -> Iterator[None]:
    """Have these as standard streams until the block is left; None: as they are."""
    descriptors = given or ()
    before = [os.dup(number) for number in range(len(descriptors))]
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        yield
    finally:
        for number, descriptor in enumerate(before):
            os.dup2(descriptor, number)
            os.close(descriptor)


def _wait(loop: Loop, pid: int, given_up: Callable[[], bool] | None) -> int:
    descriptor = os.pidfd_open(pid)
    try:
        while pid not in loop.ended:
            loop.turn(descriptor)
            if given_up is not None and given_up() and pid not in loop.ended:
                os.kill(pid, 9)
    finally:
        os.close(descriptor)
    return loop.ended.pop(pid)

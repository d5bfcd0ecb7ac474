"""Running hooks: programs of the caller at six moments of a container's life.

Spec: runtime-spec config.md#posix-platform-hooks
"""

from __future__ import annotations

import os
import select
import time

from ocinb.errors import HookFailed
from ocinb.events import HookFinished
from ocinb.linux import flags as f
from ocinb.linux import processes, signals
from ocinb.plain_json import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.runtime.recording import Recording
    from ocinb.spec.runtime_state import State

    Begin = Callable[[dict[str, Any], int, int], int]
    """Starts a hook with these descriptors as standard input and both outputs; its process."""

AT_HAND: dict[str, Callable[[list[str]], int]] = {}
"""Programs of hooks that are in memory already, by the path of the file that Python would run.

Who forks our runtime may put them here; they are given the words behind their file, and return
an exit status. What they do is what they would do as programs, without a start of Python.
"""

_DESCRIPTORS = 1 << 30
_MOST_OUTPUT = 2000  # bytes of a failed hook's words that are shown


def run_hooks(
    recording: Recording,
    hooks: dict[str, Any] | None,
    stage: str,
    state: State,
    variables: dict[str, str] | None = None,
    directory: str | None = None,
    begin: Begin | None = None,
) -> int:
    """Run the hooks of one stage in their order, stopping at the first that fails.

    Args:
        recording: records ``HookFinished`` for each.
        hooks: config.json's ``hooks``.
        stage: as in ``createRuntime``.
        state: goes to each hook's standard input.
        variables: environment of a hook that has no ``env``; the runtime's own by default.
        directory: where the hooks start; the runtime's own working directory by default.
        begin: starts each, where that is not simply to execute it.

    Returns:
        how many ran.

    Raises:
        HookFailed: one failed; the rest were not run.

    Spec: runtime-spec config.md#posix-platform-hooks
    """
    listed = (hooks or {}).get(stage) or []
    for number, hook in enumerate(listed):
        problem = run_hook(recording, hook, stage, state, variables, directory, begin)
        if problem:
            raise HookFailed(
                f"hooks.{stage}[{number}] {hook['path']} {problem}",
                citation="runtime-spec runtime.md#lifecycle",
            )
    return len(listed)


def run_hook(
    recording: Recording,
    hook: dict[str, Any],
    stage: str,
    state: State,
    variables: dict[str, str] | None = None,
    directory: str | None = None,
    begin: Begin | None = None,
) -> str:
    """Run one hook to its end; returns what went wrong, or an empty string."""
    started = time.perf_counter()
    output = os.memfd_create("hook")
    status, problem = 127, ""
    try:
        child = _spawn(hook, state, output, variables, directory, begin)
        status, problem = _wait(child, hook.get("timeout") or 0)
    except OSError as error:
        problem = f"cannot be run: {os.strerror(error.errno or 0).lower()}"
    said = os.pread(output, _MOST_OUTPUT, 0).decode(errors="replace").strip()
    os.close(output)
    if problem and said:
        problem = f"{problem}: {said}"
    recording(
        HookFinished(
            container=state.id,
            stage=stage,
            path=hook["path"],
            status=status,
            seconds=time.perf_counter() - started,
            error=problem,
        )
    )
    return problem


def _spawn(
    hook: dict[str, Any],
    state: State,
    output: int,
    variables: dict[str, str] | None,
    directory: str | None,
    begin: Begin | None,
) -> int:
    """Start a hook: the state on stdin; what it says is kept in a memory file.

    Neither stream of the container is given to it: a hook that lives on would keep them open.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    # posix_spawn cannot give a working directory of its own: ours is lent for the moment.
    ours = -1
    try:
        if directory is not None:
            ours = os.open(".", f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            os.chdir(directory)
        # A pipe takes 64 KiB without a reader; a larger state comes as a file.
        document = dumps(state.document()).encode()
        if len(document) > 60000:
            os.close(reader)
            reader = os.memfd_create("state")
            os.write(reader, document)
            os.lseek(reader, 0, os.SEEK_SET)
        else:
            os.write(writer, document)
        if begin is not None:
            return begin(hook, reader, output)
        program, words = _at_hand(hook)
        if program is not None:
            return _fork(program, words, reader, output)
        environment = variables if variables is not None else dict(os.environ)
        if hook.get("env") is not None:
            pairs = (entry.partition("=") for entry in hook["env"])
            environment = {name: value for name, equals, value in pairs if name and equals}
        return os.posix_spawn(
            hook["path"],
            hook.get("args") or [hook["path"]],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reader, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsigdef=[signals.SIGPIPE, signals.SIGXFSZ],
        )
    finally:
        if ours >= 0:
            os.fchdir(ours)
            os.close(ours)
        os.close(reader)
        os.close(writer)


def _at_hand(hook: dict[str, Any]) -> tuple[Callable[[list[str]], int] | None, list[str]]:
    """The program of a hook ``python -I -S FILE WORD …``, if we have it."""
    args = hook.get("args") or []
    if args[1:3] != ["-I", "-S"] or hook.get("env") is not None:
        return None, []
    return AT_HAND.get("".join(args[3:4])), args[4:]


def _fork(program: Callable[[list[str]], int], words: list[str], stdin: int, output: int) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        for source, target in ((stdin, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        # What else is open here is the runtime's. Nothing closes these numbers again later, for
        # this process ends without collecting what has them.
        os.closerange(3, _DESCRIPTORS)
        status = program(words)
    finally:
        os._exit(status)


def _wait(child: int, timeout: int) -> tuple[int, str]:
    """Wait for a hook, at most ``timeout`` seconds (0: for ever).

    Spec: runtime-spec config.md#posix-platform-hooks (timeout)
    """
    if timeout:
        fd = os.pidfd_open(child)
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        finished = poll.poll(timeout * 1000)
        os.close(fd)
        if not finished:
            _kill_tree(child)
            os.waitpid(child, 0)
            return -signals.SIGKILL, f"did not end within {timeout} seconds"
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status < 0:
        return status, f"was killed by signal {-status}"
    return status, f"failed with status {status}" if status else ""


def _kill_tree(pid: int) -> None:
    """Kill a hook and its children, so that nothing of it goes on behind the runtime's back."""
    for doomed in [pid, *_descendants(pid)]:
        try:
            os.kill(doomed, signals.SIGKILL)
        except ProcessLookupError:
            continue  # it ended by itself


def _descendants(pid: int) -> list[int]:
    children = [other for other in processes.all_pids() if processes.parent(other) == pid]
    return children + [below for child in children for below in _descendants(child)]


def start_directory(state: State) -> str | None:
    """Where the last hooks start: in the bundle, like those before them, if it is still there."""
    return state.bundle if os.path.isdir(state.bundle) else None


def hooks_ran(number: int) -> str:
    """For the detail of a step: ``no hooks``, ``1 hook``, ``2 hooks``."""
    return f"{number or 'no'} hook{'' if number == 1 else 's'}"

"""Hooks of the stage startContainer, whose programs are the container's.

There is no namespace to look them up in, so they are started as the container's own program is:
by proot or fakechroot, in its tree, as its user.

Spec: runtime-spec config.md#startcontainer-hooks
"""

from __future__ import annotations

import os

from ocinb.errors import OcinbError
from ocinb.runtime.descriptors import close_others

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocinb.engine.emulated.supervisor import Supervisor
    from ocinb.runtime.recording import Recording

_NOT_STARTED = 127


def process_of(hook: dict[str, Any], process: dict[str, Any]) -> dict[str, Any]:
    """A hook as a process document: its path and words, in all else like the container's program.

    Its program is named by its path also where ``args`` has another name first: proot gives
    a program no other name.

    Args:
        hook: of config.json.
        process: config.json's.
    """
    words = [hook["path"], *(hook.get("args") or [])[1:]]
    env = process.get("env") if hook.get("env") is None else hook["env"]
    return {**process, "args": words, "env": env, "terminal": False}


def variables(
    hook: dict[str, Any], process: dict[str, Any], planned: dict[str, str]
) -> dict[str, str]:
    """The environment of a hook: what is planned for its program, but no HOME that nobody gave
    where it has an ``env`` of its own.

    Args:
        hook: of config.json.
        process: as ``process_of`` gives it.
        planned: of the launch plan.

    Spec: runtime-spec config.md#posix-platform-hooks (env)
    """
    if hook.get("env") is None or any(entry.startswith("HOME=") for entry in process["env"]):
        return planned
    return {name: value for name, value in planned.items() if name != "HOME"}


def fork(recording: Recording, supervise: Callable[[], Supervisor], stdin: int, output: int) -> int:
    """Fork a process that runs a hook to its end; its number.

    Args:
        recording: its file stays open there; nothing else does, lest the hook wait for ever for
            the end of what only we could still write.
        supervise: makes its supervisor, in that process.
        stdin: a descriptor that the hook reads the state from.
        output: a descriptor for both of its outputs.
    """
    recording.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        for source, target in ((stdin, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        close_others(recording.kernel, [recording.descriptor])
        supervisor = supervise()
        supervisor.prepare()
        supervisor.run()
    except (OcinbError, OSError) as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(_NOT_STARTED)

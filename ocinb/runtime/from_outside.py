"""What the runtime does from outside for a process that it makes, the container's own or a further
one.
"""

from __future__ import annotations

import os

from ocinb.errors import StepFailed, SyscallError
from ocinb.linux.rlimits import NUMBERS
from ocinb.runtime.descriptors import connect
from ocinb.runtime.seccomp import compile_seccomp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.runtime.environment import Environment
    from ocinb.runtime.recording import Recording


def prepare_filter(env: Environment) -> None:
    """Compile the filter of system calls, and connect to whoever listens to it, while the files
    around us are the host's.

    Raises:
        StepFailed: nobody listens.
        InvalidConfig: a filter that cannot be made.
    """
    env.applying("linux.seccomp")
    env.filter = compile_seccomp(env.linux, env.log)
    if env.filter and env.filter.listener:
        env.listener_socket = connect(env.filter.listener, "linux.seccomp.listenerPath")


def set_rlimit(recording: Recording, pid: int, limit: dict[str, Any]) -> None:
    """Set one resource limit of a process.

    Raises:
        StepFailed: raising a hard limit takes CAP_SYS_RESOURCE, and it is missing.
    """
    kind = limit["type"]
    try:
        recording.kernel.prlimit(pid, NUMBERS[kind], limit["soft"], limit["hard"], name=kind)
    except SyscallError as error:
        raise StepFailed(
            f"{recording.field} {kind} cannot be set to {limit['soft']}/{limit['hard']}: "
            f"{os.strerror(error.errno or 0).lower()}",
            hint="raising a hard limit takes CAP_SYS_RESOURCE",
            citation="runtime-spec config.md#posix-process",
        ) from None

"""The filter of system calls, loaded in the moment in which the program is executed."""

from __future__ import annotations

import os
import sys

from ocinb.errors import StepFailed, SyscallError
from ocinb.plain_json import dumps
from ocinb.runtime.descriptors import send_descriptor
from ocinb.runtime.steps import credentials
from ocinb.spec.versions import RUNTIME_SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from ocinb.runtime.environment import Environment

_ACCESS = 13


def execute_filtered(
    env: Environment, path: bytes, arguments: list[bytes], variables: dict[bytes, bytes]
) -> NoReturn:
    """Load the filter and become the program.

    Raises:
        StepFailed: this process may not load one.
        SyscallError: the kernel refused.

    Spec: runtime-spec config-linux.md#seccomp
    """
    assert env.filter is not None
    final = None
    if credentials.filter_capability(env):
        sets = credentials.wanted_sets(env)
        final = (sets["effective"], sets["permitted"], sets["inheritable"])
    notify = _notifier(env) if env.filter.listener else None
    env.applying("linux.seccomp")
    try:
        env.kernel.execve_filtered(
            path,
            arguments,
            variables,
            program=env.filter.program,
            flags=env.filter.flags,
            capabilities=final,
            notify=notify,
        )
    except SyscallError as error:
        if error.call == "seccomp" and error.errno == _ACCESS:
            raise StepFailed(
                "linux.seccomp takes CAP_SYS_ADMIN here",
                hint="or set process.noNewPrivileges, with which no privilege is needed",
            ) from None
        raise


def _notifier(env: Environment) -> Callable[[int], None]:
    """A function that hands the listener over, by one sendmsg(2) and no other call."""
    message = _message(env)
    # The runtime imported it when it connected the socket; here nothing can be imported any more.
    connection = sys.modules["socket"].socket(fileno=env.listener_socket)

    def hand_over(listener: int) -> None:
        try:
            send_descriptor(connection, message, listener)
        except OSError as error:
            raise SyscallError("sendmsg", (env.recording.field,), error.errno or 0) from None

    return hand_over


def _message(env: Environment) -> bytes:
    """Spec: runtime-spec config-linux.md#containerprocessstate"""
    assert env.filter is not None
    # Of the host's /proc: the number that the runtime's caller sees.
    pid = int(os.readlink("self", dir_fd=env.host_proc))
    state = type(env.state)(**{**dict(env.state), "pid": pid})
    document = {
        "ociVersion": RUNTIME_SPEC,
        "fds": ["seccompFd"],
        "pid": pid,
        "metadata": env.filter.metadata,
        "state": state.document(),
    }
    return dumps(document).encode()

"""The session of the container's process."""

from __future__ import annotations

from ocinb.errors import SyscallError
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_NOT_IMPLEMENTED, _NOT_PERMITTED = 38, 1


def lead_session(env: Environment) -> None:
    """A session of its own, so that a signal to the runtime's terminal does not reach it.

    Spec: none (runc convention)
    """
    env.kernel.setsid()
    env.kernel.prctl(f.PR_SET_DUMPABLE, 0)


def join_keyring(env: Environment) -> None:
    """An empty session keyring, so that the host's keys are out of reach.

    Spec: none (runc convention; ``--no-new-keyring`` leaves it out)
    """
    if not env.keyring:
        return
    try:
        env.kernel.join_session_keyring(f"_ses.{env.state.id}")
    except SyscallError as error:
        # A kernel without keyrings, or a sandbox that refuses them, has no keys to protect.
        if error.errno not in (_NOT_IMPLEMENTED, _NOT_PERMITTED):
            raise

"""The session of the container's process."""

from __future__ import annotations

import sys
from _frozen_importlib import BuiltinImporter, FrozenImporter

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


def forbid_imports(_: Environment) -> None:
    """Import nothing from files any more.

    Soon the files are the container's: a module found among them would be its code, run with the
    privileges of the runtime.
    """
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if finder in (BuiltinImporter, FrozenImporter)
    ]


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

"""Starts that nobody wrote down, because who started the container was killed at that moment.

The runtimes know better: each has a FIFO in its own directory of a container, at which the
container's process waits for start.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ocinb.engine.emulated.launch_plan import KINDS
from ocinb.engine.runtime_process import OURS
from ocinb.errors import OcinbError
from ocinb.spec.runtime_state import RUNNING

if TYPE_CHECKING:
    from pathlib import Path

_FIFO = "exec.fifo"


def was_started(container: str, runtime: str, runtime_root: Path) -> bool:
    """Whether a container that has a process, but whose start is not written down, was started.

    Args:
        container: its id.
        runtime: the name of the runtime that made it.
        runtime_root: ``--root`` of the runtimes.

    Spec: runtime-spec runtime.md#state (status)
    """
    if runtime == OURS or runtime in KINDS:
        from ocinb.runtime.container_state import Containers

        # One that was killed too had no time to remove the FIFO: the lock beside it tells.
        with contextlib.suppress(OcinbError):
            return Containers(str(runtime_root)).load(container).status() == RUNNING
        return False
    directory = f"{runtime_root}/{container}"
    return os.path.isdir(directory) and not os.path.exists(f"{directory}/{_FIFO}")

"""A further process in a container that runs already.

Spec: none (runc convention)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb.engine.runtime_process import find_runtime
from ocinb.errors import InvalidStatus
from ocinb.spec.runtime_state import RUNNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.engine.containers import ContainerRecord
    from ocinb.settings import Settings


def entering(
    settings: Settings,
    record: ContainerRecord,
    args: Sequence[str],
    *,
    cwd: str = "",
    preserve_fds: int = 0,
) -> tuple[str, ...]:
    """The command line that runs a program in a container, with its environment and its user.

    Its standard streams and exit status are the program's; SIGINT and the like are passed on.

    Args:
        args: program and arguments.
        cwd: in the container; empty: where the container's own program started.
        preserve_fds: how many descriptors from 3 on the program gets.

    Raises:
        InvalidStatus: the container does not run. UnsupportedHost: its runtime is gone.
    """
    if record.status != RUNNING:
        raise InvalidStatus(
            f"nothing can be run in container {record.name}: it is {record.status}",
            hint=f"ocinb logs {record.name} shows what it wrote",
        )
    options = ["--cwd", cwd] if cwd else []
    if preserve_fds:
        options += ["--preserve-fds", str(preserve_fds)]
    runtime = find_runtime(record.runtime, str(settings.runtime_state))
    return runtime.command("exec", *options, record.id, *args)

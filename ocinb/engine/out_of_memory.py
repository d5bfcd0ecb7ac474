"""Whether the kernel killed processes of a container because its memory limit was reached.

What is seen otherwise is the exit status 137 alone, which may have many reasons. The kernel counts
in the control group, which goes with the container: it is asked right before that.

Spec: runtime-spec config-linux.md#memory (limit)
"""

from __future__ import annotations

from ocinb.linux.process_cgroup import cgroup_of
from ocinb.runtime.stats import oom_kills

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.syscalls import Kernel

_MIB = 1 << 20
_LIMIT_V1 = "memory.limit_in_bytes"


class OutOfMemory:
    """Knows a container's control group beyond the end of its processes.

    Args:
        kernel: makes the system calls.
        pid: of the container's first process.
    """

    def __init__(self, kernel: Kernel, pid: int) -> None:
        self._group = cgroup_of(kernel, pid)

    def found(self) -> dict[str, Any]:
        """What ``exit.json`` says of it: ``out_of_memory``, a sentence; nothing where it was not
        so.
        """
        group = self._group
        killed = oom_kills(group) if group is not None else 0
        if group is None or not killed:
            return {}
        limit = group.read("memory", "memory.max" if group.version == 2 else _LIMIT_V1)
        allowed = f" of {int(limit) / _MIB:.4g} MiB" if limit.isdigit() else ""
        what = "a process" if killed == 1 else f"{killed} processes"
        return {
            "out_of_memory": f"out of memory: the kernel killed {what}, for the limit{allowed} was "
            "reached (--memory)"
        }

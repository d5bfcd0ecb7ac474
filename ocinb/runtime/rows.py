"""What a process does to become what its ``process`` document says, in order: the container's own,
at the end of create, and each further one.

Spec: runtime-spec config.md#process
"""

from __future__ import annotations

from ocinb.frozen import Frozen
from ocinb.runtime.steps import credentials, labels, program, scheduling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocinb.runtime.environment import Environment


class Row(Frozen):
    """Something that the container's process does.

    Attributes:
        function: does it.
        field: the field of config.json it is for; empty where no field asks for it.
        citation: the rule.
    """

    function: Callable[[Environment], None]
    field: str = ""
    citation: str = ""


def row(function: Callable[[Environment], None], field: str = "", citation: str = "") -> Row:
    """A row of a table."""
    return Row(function=function, field=field, citation=citation)


_LINUX_PROCESS = "config.md#linux-process"

PROCESS_ROWS = (
    row(credentials.check_ids, "process.user", "config.md#posix-platform-user"),
    row(scheduling.set_personality, "linux.personality", "config-linux.md#personality"),
    row(scheduling.set_io_priority, "process.ioPriority", _LINUX_PROCESS),
    row(scheduling.set_scheduler, "process.scheduler", _LINUX_PROCESS),
    row(scheduling.set_memory_policy, "linux.memoryPolicy", "config-linux.md#memory-policy"),
    row(program.set_variables, "process.env", "config.md#process"),
    row(program.enter_cwd, "process.cwd", "config.md#process"),
    row(credentials.warn_of_ungranted, "process.capabilities", _LINUX_PROCESS),
    row(credentials.limit_bounding_set, "process.capabilities.bounding", _LINUX_PROCESS),
    row(credentials.become_user, "process.user", "config.md#posix-platform-user"),
    row(program.enter_cwd_as_user, "process.cwd", "config.md#process"),
    row(credentials.set_capabilities, "process.capabilities", _LINUX_PROCESS),
    row(credentials.forbid_privileges, "process.noNewPrivileges", _LINUX_PROCESS),
    row(program.find, "process.args", "config.md#process"),
    row(program.refuse_runtime, "process.args"),
    row(labels.set_labels, "process", _LINUX_PROCESS),
)  # fmt: skip
"""The properties of ``process``, which create may apply; the same for a further process."""

PROGRAM_ROWS = (
    row(program.refuse_runtime, "process.args"),
    row(program.close_descriptors, "", "runtime-linux.md#file-descriptors"),
    row(program.execute, "process.args", "runtime.md#lifecycle"),
)
"""Step 8 of the lifecycle."""


def carry_out(env: Environment, rows: tuple[Row, ...]) -> None:
    """Go through rows, keeping track of the field for which things are done."""
    for row in rows:
        env.applying(row.field)
        row.function(env)

"""The table of the runtime's commands: where each is. A module is imported only for a command of
it, for each import is paid for at every start.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.command import Command

_MODULES = {
    "create": "create_command",
    "start": "operation_commands",
    "state": "state_commands",
    "kill": "operation_commands",
    "delete": "operation_commands",
    "run": "create_command",
    "list": "state_commands",
    "pause": "operation_commands",
    "resume": "operation_commands",
    "exec": "exec_command",
    "ps": "exec_command",
    "update": "update_command",
    "events": "events_command",
    "spec": "document_commands",
    "features": "document_commands",
    "checkpoint": "document_commands",
    "restore": "document_commands",
}

NAMES = tuple(_MODULES)


def find(name: str) -> Command | None:
    """The command of that name, if there is one."""
    if name not in _MODULES:
        return None
    module = f"ocinb.runtime.{_MODULES[name]}"
    __import__(module)
    commands: tuple[Command, ...] = sys.modules[module].COMMANDS
    return next(command for command in commands if command.name == name)

"""How the kernel treats the process: personality and I/O priority."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_PERSONALITIES = {"LINUX": 0x0000, "LINUX32": 0x0008}
_IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
_WHO_PROCESS = 1
_CLASS_SHIFT = 13


def set_personality(env: Environment) -> None:
    """Spec: runtime-spec config-linux.md#personality"""
    personality = env.linux.get("personality")
    if personality:
        env.kernel.personality(_PERSONALITIES[personality["domain"]])


def set_io_priority(env: Environment) -> None:
    """Spec: runtime-spec config.md#linux-process (ioPriority)"""
    wanted = env.process.get("ioPriority")
    if wanted:
        value = _IO_CLASSES[wanted["class"]] << _CLASS_SHIFT | wanted["priority"]
        env.kernel.ioprio_set(_WHO_PROCESS, 0, value)

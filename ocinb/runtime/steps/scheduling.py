"""How the kernel treats the process: personality, processor, I/O, and memory of which nodes."""

from __future__ import annotations

from ocinb.errors import InvalidConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_PERSONALITIES = {"LINUX": 0x0000, "LINUX32": 0x0008}
_IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
_WHO_PROCESS = 1
_CLASS_SHIFT = 13

_POLICIES = {
    "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4,
    "SCHED_IDLE": 5, "SCHED_DEADLINE": 6,
}  # fmt: skip
_SCHEDULER_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01, "SCHED_FLAG_RECLAIM": 0x02, "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08, "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20, "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}  # fmt: skip
_MEMORY_MODES = {
    "MPOL_DEFAULT": 0, "MPOL_PREFERRED": 1, "MPOL_BIND": 2, "MPOL_INTERLEAVE": 3, "MPOL_LOCAL": 4,
    "MPOL_PREFERRED_MANY": 5, "MPOL_WEIGHTED_INTERLEAVE": 6,
}  # fmt: skip
_MEMORY_FLAGS = {
    "MPOL_F_STATIC_NODES": 1 << 15, "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_NUMA_BALANCING": 1 << 13,
}  # fmt: skip
_LAST = 4095  # no machine has more processors or nodes


def set_personality(env: Environment) -> None:
    """Spec: runtime-spec config-linux.md#personality"""
    personality = env.linux.get("personality")
    if personality:
        env.kernel.personality(_PERSONALITIES[personality["domain"]])


def set_io_priority(env: Environment) -> None:
    """Spec: runtime-spec config.md#linux-process (ioPriority)"""
    wanted = env.process.get("ioPriority")
    if wanted:
        # The text requires a priority, the schema does not: there is none in the idle class.
        value = _IO_CLASSES[wanted["class"]] << _CLASS_SHIFT | (wanted.get("priority") or 0)
        env.kernel.ioprio_set(_WHO_PROCESS, 0, value)


def set_scheduler(env: Environment) -> None:
    """Spec: runtime-spec config.md#linux-process (scheduler)"""
    wanted = env.process.get("scheduler")
    if not wanted:
        return
    flags = 0
    for name in wanted.get("flags") or []:
        flags |= _SCHEDULER_FLAGS[name]
    # struct sched_attr, version 0: size, policy, flags, nice, priority, and three times.
    words = (
        (48, 4), (_POLICIES[wanted["policy"]], 4), (flags, 8), (wanted.get("nice") or 0, 4),
        (wanted.get("priority") or 0, 4), (wanted.get("runtime") or 0, 8),
        (wanted.get("deadline") or 0, 8), (wanted.get("period") or 0, 8),
    )  # fmt: skip
    packed = b"".join(value.to_bytes(size, "little", signed=value < 0) for value, size in words)
    env.kernel.sched_setattr(packed, shown=wanted["policy"])


def set_memory_policy(env: Environment) -> None:
    """Spec: runtime-spec config-linux.md#memory-policy"""
    wanted = env.linux.get("memoryPolicy")
    if not wanted:
        return
    mode = _MEMORY_MODES[wanted["mode"]]
    for name in wanted.get("flags") or []:
        mode |= _MEMORY_FLAGS[name]
    env.kernel.set_mempolicy(mode, numbers(wanted.get("nodes") or "", "linux.memoryPolicy.nodes"))


def numbers(text: str, field: str) -> set[int]:
    """Processors or nodes, as in ``0-3,7``.

    Raises:
        InvalidConfig: it is no such list.
    """
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, dash, last = part.strip().partition("-")
        bounds = (first, last if dash else first)
        if not all(bound.isascii() and bound.isdigit() and int(bound) <= _LAST for bound in bounds):
            raise InvalidConfig(f"{field} in config.json is no list like 0-3,7: {text[:60]!r}")
        found.update(range(int(bounds[0]), int(bounds[1]) + 1))
    return found

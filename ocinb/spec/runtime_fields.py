"""The fields of config.json as a table: their names, types and which are required.

A *rule* is a function ``(value, path) → findings``; the constructors below make rules out of
rules, so that the table at the end reads like the specification. What no table can say (fields
that depend on each other) is in ``runtime_config.py``.

Spec: runtime-spec config.md#configuration
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Finding = tuple[str, str]
    Rule = Callable[[object, str], Iterator[Finding]]

RLIMITS = (
    "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC",
    "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
)  # fmt: skip
"""Spec: runtime-spec config.md#posix-process (rlimits)"""

NAMESPACES = ("pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time")
"""Spec: runtime-spec config-linux.md#namespaces"""

PROPAGATIONS = ("shared", "slave", "private", "unbindable")
"""Spec: runtime-spec config-linux.md#rootfs-mount-propagation

runc and crun also take the recursive forms (``rslave`` …); so do we.
"""

SECCOMP_ACTIONS = (
    "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY",
)  # fmt: skip
SECCOMP_OPERATORS = (
    "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
)  # fmt: skip
SECCOMP_ARCHITECTURES = (
    "SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",
    "SCMP_ARCH_SH", "SCMP_ARCH_SHEB",
)  # fmt: skip
SECCOMP_FLAGS = (
    "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
)  # fmt: skip
"""Spec: runtime-spec config-linux.md#seccomp (these four tables)"""

MEMORY_POLICIES = (
    "MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_LOCAL",
    "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE",
)  # fmt: skip
MEMORY_POLICY_FLAGS = ("MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES", "MPOL_F_NUMA_BALANCING")
"""Spec: runtime-spec config-linux.md#memory-policy (both)"""

SCHEDULER_POLICIES = (
    "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE",
    "SCHED_DEADLINE",
)  # fmt: skip
SCHEDULER_FLAGS = (
    "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY", "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
)  # fmt: skip
"""Spec: runtime-spec config.md#linux-process (scheduler)"""

DEEPEST = 64
"""A document nested deeper than this is refused."""


def boolean(value: object, path: str) -> Iterator[Finding]:
    """true or false."""
    if not isinstance(value, bool):
        yield path, f"must be true or false, not {kind(value)}"


def integer(low: int, high: int) -> Rule:
    """A whole number within bounds, both included."""

    def rule(value: object, path: str) -> Iterator[Finding]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield path, f"must be an integer, not {kind(value)}"
        elif not low <= value <= high:
            yield path, f"must be from {low} to {high}, not {value}"

    return rule


def text(value: object, path: str) -> Iterator[Finding]:
    """A string. NUL cannot be said to the kernel."""
    if not isinstance(value, str):
        yield path, f"must be a string, not {kind(value)}"
    elif "\0" in value:
        yield path, "must not contain a NUL character"


def filled(value: object, path: str) -> Iterator[Finding]:
    """A string that is not empty."""
    yield from text(value, path)
    if value == "":
        yield path, "must not be empty"


def absolute(value: object, path: str) -> Iterator[Finding]:
    """A string that is an absolute path."""
    yield from text(value, path)
    if isinstance(value, str) and not value.startswith("/"):
        yield path, f"must be an absolute path, not {shown(value)}"


def one_of(*names: str) -> Rule:
    """One of these strings."""

    def rule(value: object, path: str) -> Iterator[Finding]:
        if not isinstance(value, str):
            yield path, f"must be a string, not {kind(value)}"
        elif value not in names:
            yield path, f"must be one of {', '.join(names)}, not {shown(value)}"

    return rule


def array(of: Rule, *, least: int = 0) -> Rule:
    """An array whose every member follows a rule. null counts as absent, as Go writes it."""

    def rule(value: object, path: str) -> Iterator[Finding]:
        if value is None:
            return
        if not isinstance(value, list):
            yield path, f"must be an array, not {kind(value)}"
            return
        if len(value) < least:
            yield path, f"must have at least {least} member"
        # Filters list hundreds of names: only where one is wrong each is looked at.
        if of in (text, filled) and all(type(m) is str and m and "\0" not in m for m in value):
            return
        for number, member in enumerate(value):
            yield from of(member, f"{path}[{number}]")

    return rule


def mapping(of: Rule) -> Rule:
    """An object with free keys whose every value follows a rule."""

    def rule(value: object, path: str) -> Iterator[Finding]:
        if value is None:
            return
        if not isinstance(value, dict):
            yield path, f"must be an object, not {kind(value)}"
            return
        for key, member in value.items():
            yield from of(member, f"{path}.{key}")

    return rule


def record(fields: Mapping[str, Rule], *, required: tuple[str, ...] = ()) -> Rule:
    """An object with known fields; unknown ones are left alone.

    Spec: runtime-spec config.md#extensibility
    """

    def rule(value: object, path: str) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield path or "config.json", f"must be an object, not {kind(value)}"
            return
        prefix = f"{path}." if path else ""
        for name in required:
            if value.get(name) is None:
                yield prefix + name, "is missing"
        for name, check in fields.items():
            # null is how some Go programs write an optional field that is not set.
            if value.get(name) is not None:
                yield from check(value[name], prefix + name)

    return rule


def kind(value: object) -> str:
    """What a JSON value is, in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a string", int: "an integer", float: "a number", list: "an array"}
    return names.get(type(value), "an object")


def shown(value: str) -> str:
    """A string for a message: quoted, cut where it is long."""
    return repr(value if len(value) <= 60 else value[:57] + "…")


INT32 = integer(-(2**31), 2**31 - 1)
UINT16 = integer(0, 2**16 - 1)
UINT32 = integer(0, 2**32 - 1)
INT64 = integer(-(2**63), 2**63 - 1)
UINT64 = integer(0, 2**64 - 1)

_TEXTS = array(text)
_ID = integer(0, 2**32 - 2)  # the last one means "leave as it is" to the kernel
_ID_MAPPINGS = array(
    record(
        {"containerID": UINT32, "hostID": UINT32, "size": integer(1, 2**32 - 1)},
        required=("containerID", "hostID", "size"),
    )
)
_HOOKS = array(
    record(
        {"path": absolute, "args": _TEXTS, "env": _TEXTS, "timeout": integer(1, 2**31 - 1)},
        required=("path",),
    )
)
_CAPABILITIES = record(
    dict.fromkeys(("bounding", "effective", "inheritable", "permitted", "ambient"), _TEXTS)
)

PROCESS = record(
    {
        "terminal": boolean,
        "consoleSize": record(
            {"height": UINT16, "width": UINT16},
            required=("height", "width"),
        ),
        "cwd": absolute,
        "env": _TEXTS,
        "args": array(text, least=1),
        "rlimits": array(
            record(
                {"type": one_of(*RLIMITS), "soft": UINT64, "hard": UINT64},
                required=("type", "soft", "hard"),
            )
        ),
        "apparmorProfile": text,
        "capabilities": _CAPABILITIES,
        "noNewPrivileges": boolean,
        "oomScoreAdj": integer(-1000, 1000),
        "scheduler": record(
            {
                "policy": one_of(*SCHEDULER_POLICIES),
                "nice": INT32,
                "priority": INT32,
                "flags": array(one_of(*SCHEDULER_FLAGS)),
                "runtime": UINT64,
                "deadline": UINT64,
                "period": UINT64,
            },
            required=("policy",),
        ),
        "selinuxLabel": text,
        "ioPriority": record(
            {
                "class": one_of("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"),
                "priority": integer(0, 7),
            },
            required=("class",),
        ),
        "execCPUAffinity": record({"initial": text, "final": text}),
        "user": record(
            {
                "uid": _ID,
                "gid": _ID,
                "umask": integer(0, 0o777),
                "additionalGids": array(_ID),
            },
            required=("uid", "gid"),
        ),
    },
    required=("cwd", "args"),
)  # fmt: skip
"""Spec: runtime-spec config.md#process (also the document that ``exec --process`` reads)"""

_MOUNT = record(
    {
        "destination": filled,
        "source": text,
        "type": text,
        "options": _TEXTS,
        "uidMappings": _ID_MAPPINGS,
        "gidMappings": _ID_MAPPINGS,
    },
    required=("destination",),
)

_DEVICE = record(
    {
        "type": one_of("c", "b", "u", "p"),
        "path": absolute,
        "major": INT64,
        "minor": INT64,
        "fileMode": UINT32,
        "uid": _ID,
        "gid": _ID,
    },
    required=("type", "path"),
)

_RATES = array(
    record({"major": INT64, "minor": INT64, "rate": UINT64}, required=("major", "minor", "rate"))
)

RESOURCES = record(
    {
        "devices": array(
            record(
                {
                    "allow": boolean,
                    "type": one_of("a", "c", "b"),
                    "major": INT64,
                    "minor": INT64,
                    "access": text,
                },
                required=("allow",),
            )
        ),
        "memory": record(
            {
                **dict.fromkeys(("limit", "reservation", "swap", "kernel", "kernelTCP"), INT64),
                "swappiness": UINT64,
                "disableOOMKiller": boolean,
                "useHierarchy": boolean,
                "checkBeforeUpdate": boolean,
            }
        ),
        "cpu": record(
            {
                "shares": UINT64,
                "quota": INT64,
                "burst": UINT64,
                "period": UINT64,
                "realtimeRuntime": INT64,
                "realtimePeriod": UINT64,
                "cpus": text,
                "mems": text,
                "idle": INT64,
            }
        ),
        "pids": record({"limit": INT64}),
        "blockIO": record(
            {
                "weight": UINT16,
                "leafWeight": UINT16,
                "weightDevice": array(
                    record(
                        {"major": INT64, "minor": INT64, "weight": UINT16, "leafWeight": UINT16},
                        required=("major", "minor"),
                    )
                ),
                "throttleReadBpsDevice": _RATES,
                "throttleWriteBpsDevice": _RATES,
                "throttleReadIOPSDevice": _RATES,
                "throttleWriteIOPSDevice": _RATES,
            }
        ),
        "hugepageLimits": array(
            record({"pageSize": filled, "limit": UINT64}, required=("pageSize", "limit"))
        ),
        "network": record(
            {
                "classID": UINT32,
                "priorities": array(
                    record({"name": filled, "priority": UINT32}, required=("name", "priority"))
                ),
            }
        ),
        "rdma": mapping(record({"hcaHandles": UINT32, "hcaObjects": UINT32})),
        "unified": mapping(text),
    }
)
"""Spec: runtime-spec config-linux.md#control-groups (also what ``update --resources`` reads)"""

_SECCOMP = record(
    {
        "defaultAction": one_of(*SECCOMP_ACTIONS),
        "defaultErrnoRet": UINT32,
        "architectures": array(one_of(*SECCOMP_ARCHITECTURES)),
        "flags": array(one_of(*SECCOMP_FLAGS)),
        "listenerPath": text,
        "listenerMetadata": text,
        "syscalls": array(
            record(
                {
                    "names": array(filled, least=1),
                    "action": one_of(*SECCOMP_ACTIONS),
                    "errnoRet": UINT32,
                    "args": array(
                        record(
                            {
                                "index": integer(0, 5),
                                "value": UINT64,
                                "valueTwo": UINT64,
                                "op": one_of(*SECCOMP_OPERATORS),
                            },
                            required=("index", "value", "op"),
                        )
                    ),
                },
                required=("names", "action"),
            )
        ),
    },
    required=("defaultAction",),
)

_LINUX = record(
    {
        "namespaces": array(
            record({"type": one_of(*NAMESPACES), "path": text}, required=("type",))
        ),
        "uidMappings": _ID_MAPPINGS,
        "gidMappings": _ID_MAPPINGS,
        "timeOffsets": mapping(record({"secs": INT64, "nanosecs": UINT32})),
        "devices": array(_DEVICE),
        "netDevices": mapping(record({"name": text})),
        "cgroupsPath": text,
        "resources": RESOURCES,
        "intelRdt": record({"closID": text, "schemata": _TEXTS, "enableMonitoring": boolean}),
        "memoryPolicy": record(
            {
                "mode": one_of(*MEMORY_POLICIES),
                "nodes": text,
                "flags": array(one_of(*MEMORY_POLICY_FLAGS)),
            },
            required=("mode",),
        ),
        "sysctl": mapping(text),
        "seccomp": _SECCOMP,
        "rootfsPropagation": one_of(
            *PROPAGATIONS, *(f"r{name}" for name in PROPAGATIONS[:3]), "runbindable", ""
        ),
        "maskedPaths": array(absolute),
        "readonlyPaths": array(absolute),
        "mountLabel": text,
        "personality": record(
            {"domain": one_of("LINUX", "LINUX32"), "flags": _TEXTS}, required=("domain",)
        ),
    }
)

CONFIG = record(
    {
        "ociVersion": text,
        "root": record({"path": filled, "readonly": boolean}, required=("path",)),
        "mounts": array(_MOUNT),
        "process": PROCESS,
        "hostname": text,
        "domainname": text,
        "hooks": record(
            dict.fromkeys(
                (
                    "prestart", "createRuntime", "createContainer", "startContainer",
                    "poststart", "poststop",
                ),
                _HOOKS,
            )
        ),
        "annotations": mapping(text),
        "linux": _LINUX,
    },
    required=("ociVersion", "root"),
)  # fmt: skip
"""Spec: runtime-spec config.md#configuration"""

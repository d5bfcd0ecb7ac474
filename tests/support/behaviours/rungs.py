"""What ordinary users' containers show otherwise: by rung, reason and row.

The commands tell the person: a limit that is not kept is a warning, as is every loss of a rung.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.behaviours.behaviour import Declared

_LIMITS = "no control groups are delegated to this user: no limit is kept, and a warning says so"
_HERE = "proot isolates nothing: processes, network, devices and names are this machine's"
_CALLS = "proot rewrites paths, nothing else: capabilities, filters and masks need the kernel"
_MOUNTS = "proot shows directories in other places; a mount has no options of its own"
_IDS = "proot makes ids up: 0, or those that --user asks for"
_OF_OTHERS = "files of the machine that are this user's are the superuser's inside"
_CGROUP_ROWS = (
    "--memory", "--memory-swap: both together", "--memory-swappiness", "--memory-reservation",
    "--cpus: the quota", "--cpu-shares", "--cpuset-cpus: the group", "--cpuset-cpus: the process",
    "--pids-limit", "--pids-limit: is kept", "--memory: swap is as much again",
    "--memory: more is not to be had", "--cpu-quota", "--cpu-period", "--pids-limit -1: no limit",
    "--cgroup-parent", "--device-cgroup-rule",
)  # fmt: skip

_ROWS: dict[str, dict[str, tuple[str, ...]]] = {
    "rootless": {
        _LIMITS: (
            *_CGROUP_ROWS, "--cpus: the period", "--cpuset-mems", "--memory-swap -1: no limit",
            "--privileged: every device",
        ),
        "its group is the only one that a user namespace is sure to have":
            ("parameters: ping needs no capability",),
        "gid 5 of devpts is left out where a user namespace may have one id only": ("dev: pts",),
        _OF_OTHERS: ("--volume: owners are those of the machine",),
        "device nodes need the real superuser": ("--cap-add MKNOD: has an effect",),
        "its mounts need a user namespace of their own":
            ("--userns: the machine's is the default",),
    },
    "proot": {
        _LIMITS: _CGROUP_ROWS,
        _HERE: (
            "program: its arguments", "program: it is process 1", "env: HOSTNAME",
            "hostname: the id", "proc: of its own", "proc: few processes", "sys: read-only",
            "sys: firmware is masked", "dev: of its own", "dev: ptmx", "dev: shm",
            "dev: mqueue", "dev: pts", "network: loopback only", "descriptors: three",
            "session: of its own", "--env: any letters", "--privileged: devices",
            "--privileged: namespaces of its own all the same", "--hostname",
            "--hostname: HOSTNAME", "--hostname: in the kernel", "--sysctl net.",
            "--sysctl kernel.", "--sysctl fs.mqueue.", "pid: of its own", "ipc: of its own",
            "uts: of its own", "net: of its own", "--network none: loopback only",
            "parameters: ping needs no capability", "parameters: low ports need no power",
            "--network none: no routes", "--network none: loopback works",
            "--tty: standard output", "--tty: the console", "--tty: leads a session",
        ),
        _CALLS: (
            "caps: those of podman", "caps: bounding", "no new privileges: off",
            "caps: no device nodes", "caps: ownership", "proc: timers are masked",
            "proc: keys are masked",
            "--user NAME: bounded all the same", "--user NAME: cannot read the superuser's",
            "--cap-drop: has an effect", "--cap-add", "--cap-add: lower case, with CAP_",
            "--cap-add NET_ADMIN: has an effect", "--cap-add: others stay", "--cap-drop ALL",
            "--cap-drop ALL: bounding", "--cap-drop ALL: cannot change users",
            "--privileged: capabilities", "--privileged: no filter", "--privileged: mounts",
            "--privileged: namespaces", "a set-user-id program", "seccomp=FILE: is used",
            "seccomp=unconfined", "mask=: a directory", "mask=: a file", "unmask=: others stay",
        ),
        _MOUNTS: (
            "volume of the image: a mount", "volume of the image: no devices",
            "--volume DIR: is private", "--volume :ro: cannot be written", "--volume :noexec",
            "--volume :nosuid", "--volume :nodev", "--volume over what the image has",
            "--mount readonly", "--tmpfs: its type", "--tmpfs: no setuid", "--tmpfs: no devices",
            "--tmpfs: no programs", "--tmpfs size=", "--mount type=tmpfs: size",
            "--read-only: the root", "--read-only: what is in it", "--shm-size",
        ),
        _IDS: (
            "--user NAME: ids and groups", "--group-add: by name and number",
            "--user USER:GROUP: no other groups", "--volume: owners are those of the machine",
        ),
    },
}  # fmt: skip

DECLARED = {
    rung: {name: Declared(None, reason) for reason, names in reasons.items() for name in names}
    for rung, reasons in _ROWS.items()
}
"""Rung → row → why it shows something else."""

_NOTICE = "containers run by proot"
TOLD = {
    "rootless": {
        _LIMITS: "no limit is kept (linux.resources)",
        "--cgroup-parent": "--cgroup-parent: only the superuser's containers have",
        "--device-cgroup-rule": "rules about devices (linux.resources.devices)",
        "--cap-add MKNOD: has an effect": "device nodes cannot be made",
        "--privileged: every device": "device nodes cannot be made",
    },
    "proot": {
        _LIMITS: "limits (linux.resources) need control groups",
        **dict.fromkeys((_HERE, _CALLS, _MOUNTS, _IDS), _NOTICE),
        "--cgroup-parent": "--cgroup-parent: only the superuser's containers have",
        "--device-cgroup-rule": "rules about devices (linux.resources.devices)",
        "--group-add: by name and number": "no further group (wheel, 77)",
        "--volume :ro: cannot be written": "a mount cannot be made read-only",
        "--mount readonly": "a mount cannot be made read-only",
        "--volume :noexec": "no options of its own (noexec",
        "--tmpfs size=": "a tmpfs is a directory here",
        "--shm-size": "a tmpfs is a directory here",
        "--read-only: the root": "a root filesystem cannot be made read-only",
        "--cap-add": "capabilities can neither be given nor taken",
        "--cap-drop ALL": "capabilities can neither be given nor taken",
        "--privileged: devices": "no device (linux.devices) can be made",
        "seccomp=FILE: is used": "system calls cannot be filtered",
        "mask=: a directory": "no further path can be masked",
        "--hostname": "a host name needs a namespace",
        "--sysctl net.": "kernel parameters (linux.sysctl) need namespaces",
    },
}
"""Rung → row or reason → what the command says of it. What nobody asked for need not be said."""

_TERMINALS = Path("/dev/ptmx").stat().st_mode & 0o006 == 0o006
REFUSED = {
    "proot": {}
    if _TERMINALS
    else {"a terminal": "/dev/ptmx is this machine's, and here not for ordinary users"},
    "rootless": {},
}
"""Rung → batch → why it cannot be run."""

_SHARED = "each container is in a user namespace of its own: nothing is shared, and it is said"
_NO_PAUSE = "what has no control groups cannot be paused, and it is said"
STEPS = {
    "rootless": {
        **dict.fromkeys(
            ("pause three", "ps --quiet --filter status=paused", "unpause three"), _NO_PAUSE
        ),
        **dict.fromkeys(
            (
                "update --memory 40m nine",
                "exec nine cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
            ),
            _LIMITS,
        ),
    },
}
STEPS["proot"] = {
    **STEPS["rootless"],
    "run --rm -v vol:/seed {image} stat -c %u:%g:%a /seed": _IDS,
    "run --rm -v vol:/other:ro {image} touch /other/x": _MOUNTS,
    "run --rm -v vol:/seed {image} ls /seed": _MOUNTS,
    "run --rm --pid container:six {image} cat /proc/1/comm": _HERE,
    "run --rm --uts container:six {image} hostname": _HERE,
    "run --rm --network container:six {image} ls /sys/class/net": _HERE,
    "run --rm --ipc container:six {image} cat /proc/sys/kernel/msgmax": _HERE,
    "wait nine": "busybox's shell by proot may end by TERM before its trap",
    "logs nine": "busybox's shell by proot may end by TERM before its trap",
}
STEPS["rootless"] |= dict.fromkeys(
    (
        "run --rm --pid container:six {image} cat /proc/1/comm",
        "run --rm --uts container:six {image} hostname",
        "run --rm --network container:six {image} ls /sys/class/net",
        "run --rm --ipc container:six {image} cat /proc/sys/kernel/msgmax",
        "run --rm --ipc container:six {image} touch /dev/shm/shared",
    ),
    _SHARED,
)
_HOOKS_LATE = "neither runc 1.1 nor crun 1.8 say that a startContainer hook has failed"
_MISSING_HOOK = "run --rm --hook startContainer=/no/such {image} echo never"
_STATUS_OF_HOOK = (
    'run --rm --volume {place}:/here {image} grep -o \'"status": *"[a-z]*"\' /here/state'
)
STEPS["runc"] = {_MISSING_HOOK: _HOOKS_LATE}
STEPS["crun"] = {
    _MISSING_HOOK: _HOOKS_LATE,
    _STATUS_OF_HOOK: "crun tells the hooks of create that it is created already",
}
"""Rung or runtime → command → why it may have another outcome."""

"""Variations of ``process``. Spec: runtime-spec config.md#process"""

from __future__ import annotations

from typing import Any

from tests.support.variations.variation import Place, Variation

UNLIMITED = 2**64 - 1
SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
ALL = [
    f"CAP_{name}"
    for name in [
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_PACCT",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "SYSLOG",
        "WAKE_ALARM",
        "BLOCK_SUSPEND",
        "AUDIT_READ",
    ]
]


def program(*args: str) -> dict[str, Any]:
    """Something else than the probe is run."""
    return {"process.args": list(args)}


def script(text: str, mode: int = 0o755) -> Any:
    """Prepare a file /tmp/program."""

    def prepare(place: Place) -> None:
        path = place.rootfs / "tmp/program"
        path.write_text(text)
        path.chmod(mode)

    return prepare


def passwd(place: Place) -> None:
    """Prepare users that the variations name."""
    text = "root:x:0:0::/root:/bin/sh\nu:x:7:8::/var/lib:/bin/sh\nbroken\n:x:9:9\n"
    (place.rootfs / "etc/passwd").write_text(text)
    (place.rootfs / "etc/group").write_text("wheel:x:10:u\n")


def private(place: Place) -> None:
    """Prepare a directory that only the superuser enters, and one of user 7."""
    (place.rootfs / "var/private").mkdir(mode=0o700)
    (place.rootfs / "var/link").symlink_to("lib")


PROGRAMS = [
    Variation("found in PATH", program("true")),
    Variation(
        "found in the second directory of PATH",
        {"process.env": ["PATH=/nosuch:/bin"], **program("echo", "second")},
    ),
    Variation(
        "PATH has an empty entry",
        {"process.env": ["PATH=:/nosuch"], "process.cwd": "/bin", **program("echo", "here")},
    ),
    Variation("no PATH and no slash", {"process.env": [], **program("echo")}),
    Variation("relative with a slash", {"process.cwd": "/bin", **program("./echo", "dot")}),
    Variation("missing", program("/bin/nosuch")),
    Variation("missing in PATH", program("nosuch")),
    Variation("empty name", program("")),
    Variation("a directory", program("/bin")),
    Variation("not executable", program("/tmp/program"), prepare=script("#!/bin/sh\n", 0o644)),
    Variation(
        "not executable, in PATH",
        {"process.env": ["PATH=/tmp"], **program("program")},
        prepare=script("#!/bin/sh\n", 0o644),
    ),
    Variation("a script", program("/tmp/program", "a"), prepare=script("#!/bin/sh\necho $1\n")),
    Variation(
        "a script without an interpreter line", program("/tmp/program"), prepare=script("echo no\n")
    ),
    Variation(
        "a script whose interpreter is missing",
        program("/tmp/program"),
        prepare=script("#!/no/such\n"),
    ),
    Variation("an empty file", program("/tmp/program"), prepare=script("")),
    Variation(
        "arguments with spaces, nothing, and letters",
        program("echo", "two words", "", "ä→😀", "'\"\\$", "-n"),
    ),
    Variation("an argument of 100,000 bytes", program("sh", "-c", "echo ${#0}", "x" * 100_000)),
    Variation("an argument that is too long", program("echo", "x" * 200_000)),
    Variation("a thousand arguments", program("sh", "-c", "echo $#", *map(str, range(1000)))),
    *(
        Variation(f"exit status {status}", program("sh", "-c", f"exit {status}"))
        for status in (0, 1, 3, 125, 255)
    ),
    *(
        Variation(f"killed by signal {number}", program("sh", "-c", f"kill -{number} $$; sleep 1"))
        for number in (9, 15)
    ),
]

ENVIRONMENT = [
    Variation("env: none", {"process.env": []}),
    Variation("env: values", {"process.env": ["PATH=/bin", "A=1", "B=", "C=a=b", "D=two words"]}),
    Variation("env: letters", {"process.env": ["PATH=/bin", "Ä=ö→😀"]}),
    Variation("env: several lines", {"process.env": ["PATH=/bin", "A=1\n2\n3"]}),
    Variation("env: HOME is given", {"process.env": ["PATH=/bin", "HOME=/here"]}),
    Variation("env: HOME is empty", {"process.env": ["PATH=/bin", "HOME="]}, plain=True),
    Variation("env: twice the same", {"process.env": ["PATH=/bin", "A=1", "A=2", "B=3"]}),
    Variation(
        "env: 500 variables", {"process.env": ["PATH=/bin", *(f"V{n}={n}" for n in range(500))]}
    ),
    Variation("env: no name", {"process.env": ["PATH=/bin", "=x"]}),
    Variation("env: no equals sign", {"process.env": ["PATH=/bin", "A"]}),
    Variation("cwd: /tmp", {"process.cwd": "/tmp"}),
    Variation("cwd: is made", {"process.cwd": "/made/by/runtime"}),
    Variation("cwd: not clean", {"process.cwd": "/tmp/../var/./lib//"}),
    Variation("cwd: a link", {"process.cwd": "/var/link"}, prepare=private),
    Variation("cwd: below /proc", {"process.cwd": "/proc/sys"}),
    Variation("cwd: a file", {"process.cwd": "/etc/passwd"}),
    Variation("cwd: relative", {"process.cwd": "tmp"}),
    Variation(
        "cwd: the user may not enter",
        {"process.cwd": "/var/private", "process.user": {"uid": 7, "gid": 7}},
        prepare=private,
    ),
    Variation(
        "cwd: only the user may enter",
        {
            "process.cwd": "/var/lib",
            "process.user": {"uid": 7, "gid": 7},
            "process.capabilities": {},
        },
    ),
]

USERS = [
    Variation("user: uid and gid", {"process.user": {"uid": 7, "gid": 8}}),
    Variation("user: gid alone", {"process.user": {"uid": 0, "gid": 5}}),
    Variation(
        "user: more groups",
        {"process.user": {"uid": 7, "gid": 8, "additionalGids": [9, 10, 100000]}},
    ),
    Variation(
        "user: more groups of the superuser",
        {"process.user": {"uid": 0, "gid": 0, "additionalGids": [5, 5, 0]}},
    ),
    Variation("user: large ids", {"process.user": {"uid": 4294967293, "gid": 2147483648}}),
    Variation("user: the home of passwd", {"process.user": {"uid": 7, "gid": 8}}, prepare=passwd),
    Variation(
        "user: without passwd",
        {"process.user": {"uid": 7, "gid": 8}},
        prepare=lambda place: (place.rootfs / "etc/passwd").unlink(),
    ),
    Variation(
        "user: keeps its capabilities as ambient",
        {
            "process.user": {"uid": 7, "gid": 8},
            "process.capabilities": {name: ["CAP_KILL"] for name in SETS},
        },
    ),
    *(
        Variation(f"umask: {mask:03o}", {"process.user": {"uid": 0, "gid": 0, "umask": mask}})
        for mask in (0o000, 0o077, 0o777, 0o027)
    ),
]


def rlimit(kind: str, soft: int, hard: int) -> dict[str, Any]:
    """One resource limit."""
    return {"process.rlimits": [{"type": f"RLIMIT_{kind}", "soft": soft, "hard": hard}]}


LIMITS = [
    *(
        Variation(f"rlimit: {kind}", rlimit(kind, soft, hard), plain=hard == 0 and kind != "CORE")
        for kind, soft, hard in (
            ("AS", 2**30, 2**31),
            ("CORE", 0, 0),
            ("CPU", 10, 20),
            ("DATA", 2**29, 2**30),
            ("FSIZE", 2**20, 2**21),
            ("LOCKS", 5, 6),
            ("MEMLOCK", 4096, 8192),
            ("MSGQUEUE", 1000, 2000),
            ("NICE", 0, 0),
            ("NOFILE", 100, 200),
            ("NPROC", 500, 600),
            ("RSS", 2**20, UNLIMITED),
            ("RTPRIO", 0, 0),
            ("RTTIME", 1000, 2000),
            ("SIGPENDING", 50, 60),
            ("STACK", 2**20, 2**22),
        )
    ),
    Variation(
        "rlimit: two",
        {
            "process.rlimits": [
                {"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64},
                {"type": "RLIMIT_FSIZE", "soft": 2**20, "hard": UNLIMITED},
            ]
        },
    ),
    Variation("rlimit: a hard limit raised", rlimit("NOFILE", 10, 2**21)),
    Variation("rlimit: soft above hard", rlimit("NOFILE", 20, 10)),
    Variation("rlimit: unknown", rlimit("NOSUCH", 1, 1)),
    Variation(
        "rlimit: twice",
        {
            "process.rlimits": [
                {"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64},
                {"type": "RLIMIT_NOFILE", "soft": 65, "hard": 65},
            ]
        },
    ),
]


def capabilities(**sets: list[str]) -> dict[str, Any]:
    """The capability sets."""
    return {"process.capabilities": sets}


CAPABILITIES = [
    Variation("capabilities: not said", {"process.capabilities-": None}),
    Variation("capabilities: none", capabilities()),
    Variation("capabilities: only bounding", capabilities(bounding=ALL)),
    Variation(
        "capabilities: all there are", capabilities(bounding=ALL, effective=ALL, permitted=ALL)
    ),
    Variation(
        "capabilities: effective is less than permitted",
        capabilities(
            bounding=["CAP_KILL", "CAP_CHOWN"],
            permitted=["CAP_KILL", "CAP_CHOWN"],
            effective=["CAP_KILL"],
        ),
        plain=True,
    ),
    Variation(
        "capabilities: inheritable", capabilities(**{name: ["CAP_KILL"] for name in SETS[:4]})
    ),
    Variation("capabilities: ambient", capabilities(**{name: ["CAP_KILL"] for name in SETS})),
    Variation(
        "capabilities: unknown name",
        capabilities(
            bounding=["CAP_NOSUCH", "CAP_KILL"], permitted=["CAP_KILL"], effective=["CAP_KILL"]
        ),
    ),
    Variation("capabilities: lower case", capabilities(bounding=["cap_kill"])),
    Variation(
        "capabilities: twice the same",
        capabilities(
            bounding=["CAP_KILL", "CAP_KILL"], permitted=["CAP_KILL"], effective=["CAP_KILL"]
        ),
    ),
    Variation(
        "capabilities: one that this machine cannot give",
        capabilities(
            bounding=["CAP_SYS_RESOURCE", "CAP_KILL"],
            permitted=["CAP_SYS_RESOURCE", "CAP_KILL"],
            effective=["CAP_KILL"],
        ),
    ),
    Variation(
        "capabilities: ambient without inheritable",
        capabilities(
            bounding=["CAP_KILL"],
            permitted=["CAP_KILL"],
            effective=["CAP_KILL"],
            ambient=["CAP_KILL"],
        ),
    ),
    *(
        Variation(
            f"capabilities: {name}",
            capabilities(bounding=[name], effective=[name], permitted=[name]),
        )
        for name in ("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_MKNOD", "CAP_SETUID", "CAP_AUDIT_READ")
    ),
    Variation(
        "capabilities: of a user, bounding alone counts",
        {
            "process.user": {"uid": 7, "gid": 7},
            **capabilities(bounding=["CAP_KILL"], effective=["CAP_KILL"], permitted=["CAP_KILL"]),
        },
    ),
]

OTHERS = [
    Variation("noNewPrivileges: true", {"process.noNewPrivileges": True}),
    Variation("noNewPrivileges: false", {"process.noNewPrivileges": False}, plain=True),
    *(
        Variation(f"oomScoreAdj: {score}", {"process.oomScoreAdj": score})
        for score in (1, 500, 1000)
    ),
    Variation("oomScoreAdj: 0", {"process.oomScoreAdj": 0}, plain=True),
    Variation("oomScoreAdj: below the caller's", {"process.oomScoreAdj": -500}),
    Variation("oomScoreAdj: beyond what there is", {"process.oomScoreAdj": 1001}),
    Variation("apparmorProfile: where there is no AppArmor", {"process.apparmorProfile": "x"}),
    Variation("selinuxLabel: where there is no SELinux", {"process.selinuxLabel": "a:b:c:d"}),
    Variation("apparmorProfile: empty", {"process.apparmorProfile": ""}, plain=True),
    Variation("terminal: false", {"process.terminal": False}, plain=True),
    Variation(
        "consoleSize: without a terminal",
        {"process.consoleSize": {"height": 10, "width": 20}},
        plain=True,
    ),
    Variation(
        "ioPriority",
        {"process.ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 6}},
        extra="busybox ionice -p $$",
    ),
    Variation("scheduler", {"process.scheduler": {"policy": "SCHED_BATCH", "nice": 5}}),
    Variation("process is missing", {"process-": None}),
    Variation("args are missing", {"process.args-": None}),
    Variation("cwd is missing", {"process.cwd-": None}),
    Variation("user is missing", {"process.user-": None}, plain=True),
    Variation("an unknown field of process", {"process.nosuch": {"a": [1]}}, plain=True),
]

ROWS = [*PROGRAMS, *ENVIRONMENT, *USERS, *LIMITS, *CAPABILITIES, *OTHERS]

"""Variations of ``linux``, and of the fields at the top. Spec: runtime-spec config-linux.md"""

from __future__ import annotations

from typing import Any

from tests.support.variations.variation import Place, Variation

FIVE = ("pid", "network", "ipc", "uts", "mount")


def namespaces(*kinds: str, **paths: str) -> dict[str, Any]:
    """These new namespaces, and those with a path."""
    listed = [{"type": kind} for kind in kinds]
    return {"linux.namespaces": listed + [{"type": k, "path": p} for k, p in paths.items()]}


def without(kind: str, **paths: str) -> dict[str, Any]:
    """The five but one."""
    return namespaces(*(name for name in FIVE if name != kind), **paths)


def mapped(*ranges: tuple[int, int, int]) -> dict[str, Any]:
    """A user namespace with these ranges: inside, outside, size."""
    maps = [dict(zip(("containerID", "hostID", "size"), entry, strict=True)) for entry in ranges]
    return {**namespaces(*FIVE, "user"), "linux.uidMappings": maps, "linux.gidMappings": maps}


NAMESPACES = [
    *(
        Variation(
            f"namespaces: no {kind}",
            {**without(kind), **({"hostname-": None} if kind == "uts" else {})},
        )
        for kind in ("pid", "network", "ipc", "uts")
    ),
    Variation("namespaces: cgroup", namespaces(*FIVE, "cgroup")),
    Variation(
        "namespaces: in another order",
        namespaces("mount", "uts", "pid", "ipc", "network"),
        plain=True,
    ),
    *(
        Variation(
            f"namespaces: {kind} joined",
            {
                **without(kind, **{kind: f"$HOLDER/{file}"}),
                **({"hostname-": None} if kind == "uts" else {}),
            },
        )
        for kind, file in (
            ("network", "net"),
            ("ipc", "ipc"),
            ("uts", "uts"),
            ("pid", "pid_for_children"),
        )
    ),
    Variation(
        "namespaces: three joined",
        {
            **namespaces(
                "pid", "mount", network="$HOLDER/net", ipc="$HOLDER/ipc", uts="$HOLDER/uts"
            ),
            "hostname-": None,
        },
    ),
    Variation("namespaces: joined, with a hostname", without("uts", uts="$HOLDER/uts")),
    Variation("namespaces: twice", namespaces(*FIVE, "ipc")),
    Variation("namespaces: unknown", namespaces(*FIVE, "nosuch")),
    Variation("namespaces: a path of another kind", without("network", network="$HOLDER/ipc")),
    Variation("namespaces: a path that is missing", without("network", network="/no/such")),
    Variation("namespaces: a path that is a file", without("network", network="/etc/passwd")),
    Variation("namespaces: a relative path", without("network", network="ns/net")),
    Variation("namespaces: an empty path", without("network", network=""), plain=True),
    Variation("namespaces: user, one id", mapped((0, 0, 1))),
    Variation("namespaces: user, many ids", mapped((0, 0, 1000), (1000, 5000, 10))),
    Variation(
        "namespaces: user, another user inside",
        {**mapped((0, 0, 1000)), "process.user": {"uid": 7, "gid": 8, "additionalGids": [9]}},
    ),
    Variation("namespaces: user, without ids", namespaces(*FIVE, "user")),
    Variation(
        "namespaces: ids without a user namespace",
        {
            "linux.uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}],
            "linux.gidMappings": [{"containerID": 0, "hostID": 0, "size": 1}],
        },
    ),
    Variation(
        "namespaces: user, a user that is not mapped",
        {**mapped((0, 0, 5)), "process.user": {"uid": 7, "gid": 0}},
    ),
]

NAMES = [
    *(
        Variation(f"hostname: {name}", {"hostname": name})
        for name in ("a", "a.b.c", "x" * 64, "under_score")
    ),
    Variation("hostname: not said", {"hostname-": None}),
    Variation("hostname: empty", {"hostname": ""}),
    Variation("hostname: too long", {"hostname": "x" * 65}),
    Variation("hostname: without a namespace", without("uts")),
    Variation("domainname", {"domainname": "example.test"}),
]


def sysctl(name: str, value: str) -> Variation:
    """A kernel parameter, read back."""
    path = name if "/" in name else name.replace(".", "/")
    return Variation(
        f"sysctl: {name}={value}", {"linux.sysctl": {name: value}}, f"cat /proc/sys/{path}"
    )


SYSCTLS = [
    sysctl("net.ipv4.ip_forward", "1"),
    sysctl("net.core.somaxconn", "99"),
    sysctl("net.ipv4.ping_group_range", "0 7"),
    sysctl("net/ipv4/tcp_syncookies", "0"),
    sysctl("kernel.shmmax", "123456"),
    sysctl("kernel.msgmax", "9999"),
    sysctl("kernel.sem", "1 2 3 4"),
    sysctl("fs.mqueue.msg_max", "20"),
    sysctl("kernel.shm_rmid_forced", "1"),
    sysctl("vm.swappiness", "1"),
    sysctl("kernel.pid_max", "999"),
    sysctl("net.no.such", "1"),
    sysctl("net.core.somaxconn", "x"),
    Variation(
        "sysctl: two",
        {"linux.sysctl": {"net.ipv4.ip_forward": "1", "net.core.somaxconn": "77"}},
        "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/core/somaxconn",
    ),
    Variation(
        "sysctl: of the network, without a namespace",
        {**without("network"), "linux.sysctl": {"net.ipv4.ip_forward": "1"}},
    ),
    Variation(
        "sysctl: of ipc, without a namespace",
        {**without("ipc"), "linux.sysctl": {"kernel.msgmax": "9999"}},
    ),
    Variation("sysctl: the hostname", {"linux.sysctl": {"kernel.hostname": "other"}}),
    Variation(
        "sysctl: the domainname",
        {"linux.sysctl": {"kernel.domainname": "other"}},
        "cat /proc/sys/kernel/domainname",
    ),
]


def device(
    path: str, kind: str = "c", major: int = 10, minor: int = 229, **more: Any
) -> dict[str, Any]:
    """One device."""
    numbers = {} if kind == "p" else {"major": major, "minor": minor}
    return {"linux.devices": [{"path": path, "type": kind, **numbers, **more}]}


DEVICES = [
    Variation("device: character", device("/dev/a")),
    Variation("device: block", device("/dev/a", "b", 7, 0)),
    Variation("device: unbuffered", device("/dev/a", "u")),
    Variation("device: fifo", device("/dev/a", "p")),
    Variation("device: mode", device("/dev/a", fileMode=0o600)),
    Variation("device: mode with the type's bits", device("/dev/a", fileMode=0o20640)),
    Variation("device: mode 0", device("/dev/a", fileMode=0)),
    Variation("device: owner", device("/dev/a", uid=7, gid=8, fileMode=0o640)),
    Variation("device: in a directory", device("/dev/b/c/d"), "stat -c '%N %t:%T %a' /dev/b/c/d"),
    Variation(
        "device: outside /dev",
        {**device("/tmp/a"), "root.readonly": False},
        "stat -c '%N %t:%T' /tmp/a",
    ),
    Variation("device: null, again", device("/dev/null", major=1, minor=3, fileMode=0o600)),
    Variation("device: null, otherwise", device("/dev/null", major=1, minor=5)),
    Variation("device: a file is there", device("/etc/other")),
    Variation(
        "device: the same is there",
        {
            **device("/dev/a", major=1, minor=3),
            "mounts+": [
                {
                    "destination": "/dev/a",
                    "type": "bind",
                    "source": "/dev/null",
                    "options": ["bind"],
                }
            ],
        },
    ),
    Variation("device: unknown type", device("/dev/a", "x")),
    Variation("device: without numbers", {"linux.devices": [{"path": "/dev/a", "type": "c"}]}),
    Variation("device: relative path", device("dev/a")),
    Variation(
        "device: two",
        {
            "linux.devices": [
                {"path": "/dev/a", "type": "c", "major": 1, "minor": 3},
                {"path": "/dev/b", "type": "c", "major": 1, "minor": 5, "fileMode": 0o444},
            ]
        },
    ),
    Variation(
        "device: twice the same",
        {"linux.devices": [{"path": "/dev/a", "type": "c", "major": 1, "minor": 3}] * 2},
    ),
]


def links(place: Place) -> None:
    """Prepare links to what is masked."""
    (place.rootfs / "link").symlink_to("/etc/other")
    (place.rootfs / "out").symlink_to("../../../../etc/hosts")


PATHS = [
    *(
        Variation(
            f"maskedPaths: {path}",
            {"linux.maskedPaths": [path]},
            f"stat -c '%n %F %t:%T' {path}; cat {path}; ls {path} | wc -l",
            prepare=links,
        )
        for path in (
            "/proc/keys",
            "/proc/fs",
            "/etc/other",
            "/var",
            "/link",
            "/out",
            "/no/such",
            "/etc/other/x",
            "/dev/full",
        )
    ),
    Variation(
        "maskedPaths: three", {"linux.maskedPaths": ["/proc/keys", "/proc/timer_list", "/var"]}
    ),
    Variation("maskedPaths: twice", {"linux.maskedPaths": ["/etc/other", "/etc/other"]}),
    Variation("maskedPaths: relative", {"linux.maskedPaths": ["etc"]}),
    *(
        Variation(
            f"readonlyPaths: {path}",
            {"linux.readonlyPaths": [path], "root.readonly": False},
            f"echo x > {path}/new; echo y >> {path}",
            prepare=links,
        )
        for path in ("/proc/sys", "/tmp", "/etc/other", "/link", "/no/such", "/dev")
    ),
    Variation(
        "readonlyPaths: three", {"linux.readonlyPaths": ["/proc/sys", "/proc/irq", "/proc/bus"]}
    ),
    Variation(
        "readonlyPaths: with mounts below",
        {
            "linux.readonlyPaths": ["/mnt"],
            "mounts+": [
                {"destination": "/mnt/in", "type": "tmpfs", "source": "x", "options": ["mode=755"]}
            ],
        },
        "echo x > /mnt/in/new && echo written",
    ),
    Variation(
        "readonlyPaths: keeps other options",
        {
            "linux.readonlyPaths": ["/mnt"],
            "mounts+": [
                {
                    "destination": "/mnt",
                    "type": "tmpfs",
                    "source": "x",
                    "options": ["nosuid", "noexec", "mode=755"],
                }
            ],
        },
    ),
    Variation(
        "readonlyPaths: and masked",
        {"linux.readonlyPaths": ["/proc/sys"], "linux.maskedPaths": ["/proc/sys/kernel"]},
        "ls /proc/sys/kernel",
    ),
]

OTHERS = [
    Variation(
        "personality: LINUX32", {"linux.personality": {"domain": "LINUX32"}}, "busybox uname -m"
    ),
    Variation("personality: LINUX", {"linux.personality": {"domain": "LINUX"}}, plain=True),
    Variation("intelRdt", {"linux.intelRdt": {"closID": "x"}}),
    Variation(
        "timeOffsets",
        {**namespaces(*FIVE, "time"), "linux.timeOffsets": {"monotonic": {"secs": 1000}}},
    ),
    Variation("annotations", {"annotations": {"org.example.a": "b", "x": ""}}, plain=True),
    Variation("an unknown field at the top", {"nosuch": {"deep": [None, 1.5]}}, plain=True),
    Variation("an unknown field of linux", {"linux.nosuch": True}, plain=True),
    Variation(
        "fields that are null",
        {
            "linux.devices": None,
            "linux.sysctl": None,
            "linux.maskedPaths": None,
            "hooks": None,
            "annotations": None,
        },
        plain=True,
    ),
    *(
        Variation(
            f"ociVersion: {version}",
            {"ociVersion": version},
            plain=version[:2] == "1." and version != "1.0",
        )
        for version in (
            "1.0.0",
            "1.0.2-dev",
            "1.1.0",
            "1.2.0",
            "1.3.0",
            "1.0",
            "2.0.0",
            "0.9.0",
            "",
            "x",
        )
    ),
    Variation("no ociVersion", {"ociVersion-": None}),
    Variation("windows and solaris", {"windows": {"x": 1}, "solaris": {"y": 2}}, plain=True),
]

ROWS = [*NAMESPACES, *NAMES, *SYSCTLS, *DEVICES, *PATHS, *OTHERS]

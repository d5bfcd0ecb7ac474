"""What a container gets when nobody asks for anything else.

Spec: none (the lists that podman and docker share), except where a function says so
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONFIG_VERSION = "1.0.2"
"""``ociVersion`` of what we write: the newest that every runtime in use takes.

crun 1.8.1 refuses 1.3.0, and runc 1.1 knows 1.0.2; nothing that we write by default is newer than
that version of the specification.
"""

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TERM = "TERM=xterm"

CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
"""What the superuser of a container keeps: podman's list. Docker's has MKNOD, NET_RAW and
AUDIT_WRITE besides."""

MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
)
"""Spec: runtime-spec config-linux.md#masked-paths (the field, not the list)"""

READONLY_PATHS = (
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)
"""Spec: runtime-spec config-linux.md#readonly-paths (the field, not the list)"""


def parameters(*, mapped: bool) -> dict[str, str]:
    """Kernel parameters of a network namespace of the container's own: there ping needs no
    ``CAP_NET_RAW``, and whoever listens on port 80 no power either.

    Args:
        mapped: whether the container is in a user namespace: only ids that it has can be written,
            and podman has ping open to its superuser's group. Docker, without one, opens it to all.

    Spec: runtime-spec config-linux.md#sysctl (the field, not the list)
    """
    return {
        "net.ipv4.ping_group_range": "0 0" if mapped else "0 2147483647",
        "net.ipv4.ip_unprivileged_port_start": "0",
    }


def asked_parameters(sysctl: dict[str, str]) -> dict[str, str]:
    """The kernel parameters among these that somebody asked for: the others are ours."""
    usual = {*parameters(mapped=True).items(), *parameters(mapped=False).items()}
    return {name: value for name, value in sysctl.items() if (name, value) not in usual}


def mounts(*, rootless: bool, host_network: bool) -> list[dict[str, Any]]:
    """The filesystems that programs expect, in the order in which they are mounted.

    Spec: runtime-spec config-linux.md#default-filesystems
    """
    # Group 5 (tty) has no mapping in a user namespace with a single id: devpts says EINVAL.
    tty_group = [] if rootless else ["gid=5"]
    listed = [
        _mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
        _mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        _mount(
            "/dev/pts",
            "devpts",
            "devpts",
            ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", *tty_group],
        ),
        _mount(
            "/dev/shm",
            "tmpfs",
            "shm",
            ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        ),
        _mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ]
    if rootless and host_network:
        # A fresh sysfs belongs to a network namespace, and this one is not the user's.
        options = ["rbind", "nosuid", "noexec", "nodev", "ro"]
        return [*listed, _mount("/sys", "none", "/sys", options)]
    listed.append(_mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]))
    if not rootless:
        options = ["nosuid", "noexec", "nodev", "relatime", "ro"]
        listed.append(_mount("/sys/fs/cgroup", "cgroup", "cgroup", options))
    return listed


def namespaces(*, host_network: bool, user: bool) -> list[dict[str, str]]:
    """Everything of its own, except what was asked to be shared.

    Spec: runtime-spec config-linux.md#namespaces
    """
    kinds = ["pid", "ipc", "uts", "mount"]
    if not host_network:
        kinds.insert(1, "network")
    if user:
        kinds.append("user")
    return [{"type": kind} for kind in kinds]


def _mount(destination: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": options}

"""Capabilities: names, masks, and giving a process exactly some. See capabilities(7)."""

from __future__ import annotations

from ocinb.errors import SyscallError
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocinb.linux.syscalls import Kernel

NAMES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
    "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
    "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
    "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip
"""The number of a capability is its place in this tuple."""

_NUMBERS = {name: number for number, name in enumerate(NAMES)}


def mask(names: Iterable[str]) -> int:
    """The set as a bit mask.

    Raises:
        KeyError: a name that is not a capability.
    """
    total = 0
    for name in names:
        total |= 1 << _NUMBERS[name]
    return total


def names(mask: int) -> list[str]:
    """The names of a bit mask, in the kernel's order; a bit without a name is left out."""
    return [name for number, name in enumerate(NAMES) if mask >> number & 1]


def drop_bounding(kernel: Kernel, keep: int) -> None:
    """Take everything else out of the bounding set. Needs CAP_SETPCAP if there is any."""
    for number in range(len(NAMES)):
        if keep >> number & 1:
            continue
        try:
            kernel.prctl(f.PR_CAPBSET_DROP, number)
        except SyscallError:
            # One that the kernel lacks, or that was dropped already.
            if bounding_bit(kernel, number):
                raise


def bounding_bit(kernel: Kernel, number: int) -> bool:
    """Whether a capability is in the bounding set; False too for one the kernel lacks."""
    try:
        return bool(kernel.prctl(f.PR_CAPBSET_READ, number))
    except SyscallError:
        return False


def set_ambient(kernel: Kernel, wanted: int) -> int:
    """Make the ambient set exactly this; returns the mask of those the kernel refused."""
    kernel.prctl(f.PR_CAP_AMBIENT, f.PR_CAP_AMBIENT_CLEAR_ALL)
    refused = 0
    for number in range(len(NAMES)):
        if wanted >> number & 1:
            try:
                kernel.prctl(f.PR_CAP_AMBIENT, f.PR_CAP_AMBIENT_RAISE, number)
            except SyscallError:
                refused |= 1 << number
    return refused

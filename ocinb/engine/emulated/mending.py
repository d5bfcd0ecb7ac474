"""A filter of system calls without which proot leaks.

proot 5.1.0, which Debian has, knows the system calls of its day. One that it does not know goes
through with its path as it is: the program sees this machine's file in the place of the image's.
So the newer calls answer ``ENOSYS``, as an old kernel would, and C libraries and languages fall
back to those that proot knows. io_uring does file operations that nobody can follow.

The filter must be loaded before proot is executed. It stays beneath the one that proot itself
loads; of two answers the kernel takes the stricter one.
"""

from __future__ import annotations

import sys

_COMMON = {
    "io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fspick": 433,
    "clone3": 435, "openat2": 437, "faccessat2": 439, "mount_setattr": 442, "quotactl_fd": 443,
    "fchmodat2": 452, "statmount": 457, "listmount": 458, "setxattrat": 463, "getxattrat": 464,
    "listxattrat": 465, "removexattrat": 466, "open_tree_attr": 467, "file_getattr": 468,
    "file_setattr": 469,
}  # fmt: skip
_OWN = {
    "x86_64": {"fanotify_mark": 301, "renameat2": 316, "execveat": 322, "statx": 332},
    "aarch64": {"fanotify_mark": 263, "renameat2": 276, "execveat": 281, "statx": 291},
}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* of linux/audit.h."""

_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_ENOSYS = 38
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # in struct seccomp_data


def unknown_to_proot(machine: str) -> dict[str, int]:
    """The calls that are refused, with their numbers; none where the machine is not known."""
    return {**_COMMON, **_OWN[machine]} if machine in _OWN else {}


def mending_filter(machine: str) -> bytes:
    """The filter, an array of struct sock_filter; empty where the machine is not known.

    Calls of other architectures (32-bit programs) pass. See seccomp(2).
    """
    numbers = sorted(unknown_to_proot(machine).values())
    if not numbers:
        return b""
    count = len(numbers)
    rows = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 0, count + 1, _ARCHITECTURE[machine]),
        (_LOAD, 0, 0, _NUMBER_AT),
        *((_IF_EQUAL, count - index, 0, number) for index, number in enumerate(numbers)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
    ]
    return b"".join(
        code.to_bytes(2, sys.byteorder) + bytes((true, false)) + value.to_bytes(4, sys.byteorder)
        for code, true, false, value in rows
    )

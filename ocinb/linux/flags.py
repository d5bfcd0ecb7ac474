"""Constants of the kernel's headers, under the kernel's names.

The values are those of ``<linux/mount.h>``, ``<linux/sched.h>``, ``<linux/openat2.h>``,
``<linux/prctl.h>`` and their neighbours; they are the same on every architecture this project
knows. ``Named`` turns a number back into the names, for events and error messages.
"""

from __future__ import annotations

# mount(2)
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_SYNCHRONOUS = 0x10
MS_REMOUNT = 0x20
MS_MANDLOCK = 0x40
MS_DIRSYNC = 0x80
MS_NOSYMFOLLOW = 0x100
MS_NOATIME = 0x400
MS_NODIRATIME = 0x800
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_SILENT = 0x8000
MS_UNBINDABLE = 0x20000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MS_SHARED = 0x100000
MS_RELATIME = 0x200000
MS_I_VERSION = 0x800000
MS_STRICTATIME = 0x1000000
MS_LAZYTIME = 0x2000000

# umount2(2)
MNT_DETACH = 0x2
UMOUNT_NOFOLLOW = 0x8

# clone(2), unshare(2), setns(2)
CLONE_NEWTIME = 0x80
CLONE_NEWNS = 0x20000
CLONE_NEWCGROUP = 0x2000000
CLONE_NEWUTS = 0x4000000
CLONE_NEWIPC = 0x8000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

# open(2)
O_PATH = 0x200000

# openat2(2)
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

# *at(2)
AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000

# open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2)
OPEN_TREE_CLONE = 0x1
OPEN_TREE_CLOEXEC = 0x80000
MOVE_MOUNT_F_EMPTY_PATH = 0x4
MOVE_MOUNT_T_EMPTY_PATH = 0x40
FSOPEN_CLOEXEC = 0x1
FSMOUNT_CLOEXEC = 0x1
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6

# mount_setattr(2)
MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
MOUNT_ATTR_NOEXEC = 0x8
MOUNT_ATTR__ATIME = 0x70
MOUNT_ATTR_RELATIME = 0x0
MOUNT_ATTR_NOATIME = 0x10
MOUNT_ATTR_STRICTATIME = 0x20
MOUNT_ATTR_NODIRATIME = 0x80
MOUNT_ATTR_IDMAP = 0x100000
MOUNT_ATTR_NOSYMFOLLOW = 0x200000

# prctl(2)
PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

# ioctl_ns(2), ioctl_tty(2)
NS_GET_NSTYPE = 0xB703
TIOCSCTTY = 0x540E
TIOCGPTN = 0x80045430
TIOCSPTLCK = 0x40045431
TIOCGPTPEER = 0x5441
TIOCSWINSZ = 0x5414

# close_range(2)
CLOSE_RANGE_CLOEXEC = 0x4

# keyctl(2)
KEYCTL_JOIN_SESSION_KEYRING = 1

# capset(2)
CAPABILITY_VERSION_3 = 0x20080522

# seccomp(2)
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_FILTER_FLAG_TSYNC = 0x1
SECCOMP_FILTER_FLAG_LOG = 0x2
SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x4
SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x8
SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20

_COMPOSED = frozenset({"MOUNT_ATTR__ATIME"})


_PRINTED: dict[tuple[str, int], str] = {}
"""The same few combinations are printed again and again."""


PREFIXES = ("AT_", "CLONE_", "CLOSE_RANGE_", "MNT_", "MOUNT_ATTR_", "MS_", "RESOLVE_")
"""Those of flags that are printed for every container."""

_BITS: dict[str, list[tuple[str, int]]] = {}
"""Prefix → the flags whose names begin with it; found when they are first printed."""


def _bits(prefix: str) -> list[tuple[str, int]]:
    if prefix not in _BITS:
        own = [(name, bit) for name, bit in globals().items() if name.startswith(prefix)]
        _BITS[prefix] = [
            (name, bit)
            for name, bit in own
            if name not in _COMPOSED and bit and bit & (bit - 1) == 0
        ]
    return _BITS[prefix]


class Named:
    """Flags that print as their names: ``str(Named("MS_", 0x5000))`` is ``MS_BIND|MS_REC``.

    Bits without a name print as one hexadecimal number; no bits at all print as ``0``.
    """

    __slots__ = ("prefix", "value")

    def __init__(self, prefix: str, value: int) -> None:
        self.prefix = prefix
        self.value = value

    def __str__(self) -> str:
        key = (self.prefix, self.value)
        if key not in _PRINTED:
            _PRINTED[key] = self._names()
        return _PRINTED[key]

    def _names(self) -> str:
        names = []
        rest = self.value
        for name, bit in _bits(self.prefix):
            if rest & bit:
                names.append(name)
                rest &= ~bit
        if rest:
            names.append(hex(rest))
        return "|".join(names) or "0"

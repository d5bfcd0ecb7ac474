"""Filesystems in which nobody stores anything: the kernel shows itself there.

Spec: none (statfs(2))
"""

from __future__ import annotations

from ocinb.errors import SyscallError
from ocinb.linux.syscalls import Kernel

_KERNELS = frozenset({0x9FA0, 0x62656572, 0x27E0EB, 0x63677270, 0x64626720, 0x74726163, 0x73636673})
"""f_type of proc, sysfs, cgroup, cgroup2, debugfs, tracefs and securityfs."""


def is_of_the_kernel(descriptor: int) -> bool:
    """Whether an open file is of such a filesystem; also for ``O_PATH`` descriptors."""
    try:
        return Kernel().fstatfs(descriptor) in _KERNELS
    except SyscallError:
        return False

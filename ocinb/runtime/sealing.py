"""The runtime's own program, out of reach of the container.

Whoever is in a container sees the programs of its processes under /proc. At the moment in which
``exec`` executes a program of the container, that program may be a script whose interpreter is
``/proc/self/exe``: then what runs is the host's Python, which could be opened, and written to
(CVE-2019-5736). So ``exec`` runs from a mount of Python's file that is read-only, is in no
mount namespace, and ends with the process.
"""

from __future__ import annotations

import os
import sys

from ocinb.errors import SyscallError
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel


def seal(kernel: Kernel) -> None:
    """Go on as the same program from a read-only mount of it; returns where that is so already.

    Anybody but the host's superuser cannot make such a mount; the check of the program
    (``steps/program.py``) protects them alone.
    """
    if os.geteuid() != 0 or os.statvfs("/proc/self/exe").f_flag & os.ST_RDONLY:
        return
    try:
        program = os.readlink("/proc/self/exe")
        mount = kernel.open_tree(f.AT_FDCWD, program, f.OPEN_TREE_CLONE)
        kernel.mount_setattr(mount, "", f.AT_EMPTY_PATH, set_=f.MOUNT_ATTR_RDONLY)
    except SyscallError:
        return
    os.execve(mount, sys.orig_argv, os.environ)

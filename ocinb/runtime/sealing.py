"""The runtime's own program, out of reach of the container.

Whoever is in a container sees the programs of its processes under /proc. At the moment in which a
program of the container is executed, that program may be a script whose interpreter is
``/proc/self/exe``: then what runs is the host's Python, which could be opened, and written to
(CVE-2019-5736). So what makes processes in containers runs from a mount of Python's file that is
read-only, is in no mount namespace, and ends with the process; or, for a user who can make no
such mount but may write to the file, from a copy in memory that nobody can change.
"""

from __future__ import annotations

import os
import sys

from ocinb.errors import SyscallError
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel

_OWN = "/proc/self/exe"
_F_ADD_SEALS, _EVERY_SEAL = 1033, 0x1 | 0x2 | 0x4 | 0x8
_PIECE = 1 << 30


def seal(kernel: Kernel) -> None:
    """Go on as the same program from a file that cannot be written to; returns where that is so
    already.
    """
    program = os.readlink(_OWN)
    if program.startswith("/memfd:") or os.statvfs(_OWN).f_flag & os.ST_RDONLY:
        return
    try:
        if os.geteuid() == 0:
            own = kernel.open_tree(f.AT_FDCWD, program, f.OPEN_TREE_CLONE)
            kernel.mount_setattr(own, "", f.AT_EMPTY_PATH, set_=f.MOUNT_ATTR_RDONLY)
        elif os.access(_OWN, os.W_OK):
            own = _copy()
        else:
            return
    except (SyscallError, OSError):
        # Without the privilege, or the memory: the check of the program (``steps/program.py``)
        # protects alone.
        return
    os.execve(own, sys.orig_argv, os.environ)


def _copy() -> int:
    """A descriptor of the program in memory, sealed."""
    import fcntl

    own = os.memfd_create("ocinb-runtime", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    source = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    while os.sendfile(own, source, None, _PIECE):
        pass
    os.close(source)
    fcntl.fcntl(own, _F_ADD_SEALS, _EVERY_SEAL)
    return own

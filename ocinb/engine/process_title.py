"""What ``ps`` shows of a process that was forked and not executed.

The kernel reads a command line out of the process's own memory, where it put it at the start. So
a process can change it, in as many bytes as it had then.
"""

from __future__ import annotations

import ctypes
import os

from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel

ROOM = "-" * 480
"""An argument to be started with, so that there is room for longer titles."""
_ARGUMENTS_BEGIN, _ARGUMENTS_END = 45, 46
"""Fields of /proc/PID/stat from ``state`` on. See proc_pid_stat(5): arg_start and arg_end."""


def set_title(name: str, *arguments: str) -> None:
    """Be shown under this name, with these arguments; what does not fit is cut off.

    Only for a process whose last argument was ``ROOM``, and for its children; nothing happens
    elsewhere, for what lies behind the arguments is the environment.
    """
    with open("/proc/self/cmdline", "rb") as file:
        if not _ours(file.read()):
            return
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    begin, end = int(fields[_ARGUMENTS_BEGIN]), int(fields[_ARGUMENTS_END])
    text = b"\0".join(os.fsencode(word) for word in (name, *arguments))[: end - begin - 1]
    if end - begin >= len(ROOM):
        ctypes.memmove(begin, text.ljust(end - begin, b"\0"), end - begin)
        _name(name)


def _ours(command_line: bytes) -> bool:
    return command_line.endswith((os.fsencode(ROOM) + b"\0", b"\0\0"))


def _name(name: str) -> None:
    text = ctypes.create_string_buffer(os.fsencode(name)[:15])
    try:
        Kernel().prctl(f.PR_SET_NAME, ctypes.addressof(text))
    except SyscallError:
        return

"""What ``ps`` shows of a process that was forked and not executed.

The kernel reads a command line out of the process's own memory, where it put it at the start. So
a process can change it, in as many bytes as it had then.
"""

from __future__ import annotations

import contextlib
import ctypes
import os

from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = "-" * 480
"""An argument to be started with, so that there is room for longer titles."""
_PLACES: list[tuple[int, int]] = []
"""Where the command line is, once it was looked for; it is at the same place in children."""
_SHOWN: list[tuple[str, ...]] = [("",)]
"""Name and arguments that are shown."""
_ARGUMENTS_BEGIN, _ARGUMENTS_END = 45, 46
"""Fields of /proc/PID/stat from ``state`` on. See proc_pid_stat(5): arg_start and arg_end."""


def set_title(name: str, *arguments: str) -> None:
    """Be shown under this name, with these arguments; what does not fit is cut off.

    Only for a process whose last argument was ``ROOM``, and for its children; nothing happens
    elsewhere, for what lies behind the arguments is the environment.
    """
    if not _PLACES:
        _PLACES.append(_place())
    begin, end = _PLACES[0]
    if begin < end:
        text = b"\0".join(os.fsencode(word) for word in (name, *arguments))[: end - begin - 1]
        ctypes.memmove(begin, text.ljust(end - begin, b"\0"), end - begin)
        _name(name)
        _SHOWN[0] = (name, *arguments)


@contextlib.contextmanager
def titled(name: str, *arguments: str) -> Iterator[None]:
    """Be shown under another name until the block is left; what is forked in it keeps that."""
    before = _SHOWN[0]
    set_title(name, *arguments)
    try:
        yield
    finally:
        set_title(*before)


def _place() -> tuple[int, int]:
    """Beginning and end of the command line, if it is one that has room; else nothing."""
    with open("/proc/self/cmdline", "rb") as file:
        if not file.read().endswith(os.fsencode(ROOM) + b"\0"):
            return 0, 0
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return int(fields[_ARGUMENTS_BEGIN]), int(fields[_ARGUMENTS_END])


def _name(name: str) -> None:
    text = ctypes.create_string_buffer(os.fsencode(name)[:15])
    try:
        Kernel().prctl(f.PR_SET_NAME, ctypes.addressof(text))
    except SyscallError:
        return

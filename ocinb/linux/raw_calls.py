"""System calls by their numbers: the C library has no wrapper for many of those that a container
needs (openat2, pivot_root, open_tree, mount_setattr …), so all go through ``syscall(2)``.

The C module beneath ``ctypes`` is used as ``ctypes`` itself uses it: the package around it takes
3 ms at every start of the runtime, a third of the interpreter's own.
"""

from __future__ import annotations

import _ctypes
import os

from ocinb.errors import UnsupportedHost

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from typing import Any

    _Simple = _ctypes._SimpleCData[Any]
else:
    _Simple = _ctypes._SimpleCData

_X86_64 = {
    "ioctl": 16, "clone": 56, "execve": 59, "setgroups": 116, "setresuid": 117,
    "setresgid": 119,
    "capget": 125, "capset": 126, "personality": 135, "pivot_root": 155, "prctl": 157,
    "fstatfs": 138,
    "mount": 165, "umount2": 166, "sethostname": 170, "setdomainname": 171, "set_mempolicy": 238,
    "keyctl": 250,
    "ioprio_set": 251, "unshare": 272, "prlimit64": 302, "setns": 308, "sched_setattr": 314,
    "seccomp": 317, "bpf": 321, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "close_range": 436, "openat2": 437, "mount_setattr": 442,
}  # fmt: skip
_AARCH64 = {
    "ioctl": 29, "clone": 220, "execve": 221, "setgroups": 159, "setresuid": 147,
    "setresgid": 149, "capget": 90, "capset": 91, "personality": 92, "pivot_root": 41, "prctl": 167,
    "fstatfs": 44,
    "mount": 40, "umount2": 39, "sethostname": 161, "setdomainname": 162, "set_mempolicy": 237,
    "keyctl": 219,
    "ioprio_set": 30, "unshare": 97, "prlimit64": 261, "setns": 268, "sched_setattr": 274,
    "seccomp": 277, "bpf": 280, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "close_range": 436, "openat2": 437, "mount_setattr": 442,
}  # fmt: skip
NUMBERS = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""uname's machine → system call → its number."""


class _Long(_Simple):
    _type_ = "l"


class _Character(_Simple):
    _type_ = "c"


class _String(_Simple):
    _type_ = "z"


class _Pointer(_Simple):
    _type_ = "P"


class _Short(_Simple):
    _type_ = "H"


class _Function(_ctypes.CFuncPtr):
    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = _Long


class FilterProgram(_ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", _Short), ("instructions", _Pointer))
    kept: object = None


_RTLD_NOW = 2
_OURSELVES: Any = None
_syscall = _Function(_ctypes.dlsym(_ctypes.dlopen(_OURSELVES, _RTLD_NOW), "syscall"))


def prepared(call: str, *arguments: object) -> list[object]:
    """A call with its arguments, for ``perform``.

    Raises:
        UnsupportedHost: nothing is known of this machine's system calls.
    """
    return [_NUMBERS[call], *[_Long(v) if isinstance(v, int) else v for v in arguments]]


def perform(call: list[object]) -> int:
    """Make a prepared call; -1 where the kernel refuses, for the reason that ``errno`` tells."""
    result: int = _syscall(*call)
    return result


def buffer(size: int) -> ctypes.Array[ctypes.c_char]:
    """Memory that the kernel fills in; ``raw`` is what is in it."""
    memory: Any = (_Character * size)()
    buffer: ctypes.Array[ctypes.c_char] = memory
    return buffer


def strings(words: list[bytes]) -> object:
    """An array of strings with NULL at its end."""
    return (_String * (len(words) + 1))(*words)


def filter_program(program: bytes) -> object:
    """A reference to the ``FilterProgram`` of an array of struct sock_filter."""
    instructions = buffer(len(program))
    instructions.raw = program
    described = FilterProgram(len(program) // 8, _ctypes.addressof(instructions))
    described.kept = instructions  # for as long as the reference to it is
    return _ctypes.byref(described)


def errno() -> int:
    """Why the last call was refused."""
    return _ctypes.get_errno()


def _numbers() -> dict[str, _Long]:
    machine = os.uname().machine
    try:
        return {call: _Long(number) for call, number in NUMBERS[machine].items()}
    except KeyError:
        raise UnsupportedHost(
            f"the system call numbers of {machine} are not known",
            hint=f"known are {', '.join(NUMBERS)}",
        ) from None


_NUMBERS = _numbers()

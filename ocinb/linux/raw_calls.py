"""System calls by their numbers: the C library has no wrapper for many of those that a container
needs (openat2, pivot_root, open_tree, mount_setattr …), so all go through ``syscall(2)``.

Imported with the first call that needs it, for ``ctypes`` costs the runtime's start.
"""

from __future__ import annotations

import ctypes
import os

from ocinb.errors import UnsupportedHost

_X86_64 = {
    "ioctl": 16, "execve": 59, "setpgid": 109, "setgroups": 116, "setresuid": 117, "setresgid": 119,
    "capget": 125, "capset": 126, "personality": 135, "pivot_root": 155, "prctl": 157,
    "mount": 165, "umount2": 166, "sethostname": 170, "setdomainname": 171, "set_mempolicy": 238,
    "keyctl": 250,
    "ioprio_set": 251, "unshare": 272, "prlimit64": 302, "setns": 308, "sched_setattr": 314,
    "renameat2": 316, "seccomp": 317, "bpf": 321, "pidfd_send_signal": 424, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "pidfd_open": 434,
    "close_range": 436, "openat2": 437, "mount_setattr": 442,
}  # fmt: skip
_AARCH64 = {
    "ioctl": 29, "execve": 221, "setpgid": 154, "setgroups": 159, "setresuid": 147,
    "setresgid": 149, "capget": 90, "capset": 91, "personality": 92, "pivot_root": 41, "prctl": 167,
    "mount": 40, "umount2": 39, "sethostname": 161, "setdomainname": 162, "set_mempolicy": 237,
    "keyctl": 219,
    "ioprio_set": 30, "unshare": 97, "prlimit64": 261, "setns": 268, "sched_setattr": 274,
    "renameat2": 276, "seccomp": 277, "bpf": 280, "pidfd_send_signal": 424, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "pidfd_open": 434,
    "close_range": 436, "openat2": 437, "mount_setattr": 442,
}  # fmt: skip
NUMBERS = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""uname's machine → system call → its number."""

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


class FilterProgram(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))
    kept: object = None


def prepared(call: str, *arguments: object) -> list[object]:
    """A call with its arguments, for ``perform``.

    Raises:
        UnsupportedHost: nothing is known of this machine's system calls.
    """
    return [ctypes.c_long(_NUMBERS[call]), *(_argument(value) for value in arguments)]


def perform(call: list[object]) -> int:
    """Make a prepared call; -1 where the kernel refuses, for the reason that ``errno`` tells."""
    result: int = _syscall(*call)
    return result


def buffer(size: int) -> ctypes.Array[ctypes.c_char]:
    """Memory that the kernel fills in."""
    return ctypes.create_string_buffer(size)


def strings(words: list[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    """An array of strings with NULL at its end."""
    return (ctypes.c_char_p * (len(words) + 1))(*words)


def filter_program(program: bytes) -> object:
    """A pointer to the ``FilterProgram`` of an array of struct sock_filter."""
    instructions = ctypes.create_string_buffer(program, len(program))
    described = FilterProgram(len(program) // 8, ctypes.addressof(instructions))
    described.kept = instructions  # for as long as the pointer is
    return ctypes.pointer(described)


def errno() -> int:
    """Why the last call was refused."""
    return ctypes.get_errno()


def _argument(value: object) -> object:
    return ctypes.c_long(value) if isinstance(value, int) else value


def _numbers() -> dict[str, int]:
    machine = os.uname().machine
    try:
        return NUMBERS[machine]
    except KeyError:
        raise UnsupportedHost(
            f"the system call numbers of {machine} are not known",
            hint=f"known are {', '.join(NUMBERS)}",
        ) from None


_NUMBERS = _numbers()

"""Filters of system calls, compiled by libseccomp. See seccomp(2), seccomp_rule_add(3).

The C library is called directly: it is there wherever a Debian is, and the whole of it that is
needed is eight functions. What it makes is a program for the kernel, as bytes, so that compiling
and loading can happen in two processes: the one that loads a filter may no longer do much else.
"""

from __future__ import annotations

import ctypes
import os

from ocinb.errors import InvalidConfig, UnsupportedHost
from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

ACTIONS = {
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_NOTIFY": 0x7FC00000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}
"""libseccomp's names; to those of ``WITH_DATA`` a number of 16 bits is added."""

WITH_DATA = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
NOTIFY = ACTIONS["SCMP_ACT_NOTIFY"]

OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}

FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 0x1,
    "SECCOMP_FILTER_FLAG_LOG": 0x2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 0x4,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 0x20,
}

_EXISTS = 17
_UNKNOWN_CALL = -1
_FEW = 8
"""Rules of which no tree is made: of one without any, libseccomp before 2.5.4 forgets the default.
"""
_OPTIMIZE, _AS_TREE = 8, 2
"""An attribute of a filter, and its value for a search in a binary tree of all calls.

Else the calls stand in a row. When it loads a filter the kernel tries each call there is, to know
those that it need not ask about: that took 0.75 ms for podman's profile, and takes 0.23.
"""
_LIBRARY = "libseccomp.so.2"


class Comparison(Frozen):
    """A condition on one argument of a call: ``argument operator value``.

    Attributes:
        index: which argument, 0 … 5.
        operator: of ``OPERATORS``.
        value: for a masked comparison the mask.
        second: for a masked comparison the value.
    """

    index: int
    operator: int
    value: int
    second: int = 0


class Rule(Frozen):
    """What happens at a call.

    Attributes:
        name: of the call.
        action: of ``ACTIONS``, with its number added.
        comparisons: all must hold.
    """

    name: str
    action: int
    comparisons: tuple[Comparison, ...] = ()


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (
        ("index", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def compile_filter(
    default: int, rules: Sequence[Rule], architectures: Sequence[str] = ()
) -> tuple[bytes, list[str]]:
    """Compile a filter.

    Args:
        default: what happens at calls that no rule is about.
        rules: in order; one that says what the default says is passed over.
        architectures: libseccomp's names, as in ``SCMP_ARCH_X86``, beside the machine's own.

    Returns:
        the program, an array of struct sock_filter; and the names of calls and architectures that
        this libseccomp does not know, which are left out.

    Raises:
        UnsupportedHost: there is no libseccomp, or it is too old for an action.
        InvalidConfig: a rule that libseccomp refuses.
    """
    library = _library()
    rules = [rule for rule in rules if rule.action != default]
    context = library.seccomp_init(default)
    if not context:
        raise UnsupportedHost(f"libseccomp does not know the action {default:#x}")
    try:
        if len(rules) > _FEW:
            library.seccomp_attr_set(context, _OPTIMIZE, _AS_TREE)  # before 2.5 it stays a row
        unknown = _add_architectures(library, context, architectures)
        for rule in rules:
            number = library.seccomp_syscall_resolve_name(rule.name.encode())
            if number == _UNKNOWN_CALL:
                unknown.append(rule.name)
            else:
                _add(library, context, rule, number)
        return _export(library, context), unknown
    finally:
        library.seccomp_release(context)


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        raise UnsupportedHost(
            f"{_LIBRARY} is not installed, so no filter of system calls can be made",
            hint="install it (Debian: apt-get install libseccomp2)",
        ) from None
    # Without this, pointers would be cut to 32 bits, and actions taken for negative numbers.
    context = ctypes.c_void_p
    library.seccomp_init.restype = context
    library.seccomp_init.argtypes = (ctypes.c_uint32,)
    library.seccomp_release.argtypes = (context,)
    library.seccomp_release.restype = None
    library.seccomp_attr_set.argtypes = (context, ctypes.c_int, ctypes.c_uint32)
    library.seccomp_arch_resolve_name.restype = ctypes.c_uint32
    library.seccomp_arch_add.argtypes = (context, ctypes.c_uint32)
    library.seccomp_export_bpf.argtypes = (context, ctypes.c_int)
    library.seccomp_rule_add_array.argtypes = (
        context, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p,
    )  # fmt: skip
    return library


def _add_architectures(
    library: ctypes.CDLL, context: int, architectures: Sequence[str]
) -> list[str]:
    unknown = []
    for name in architectures:
        short = name.removeprefix("SCMP_ARCH_").lower()
        token = library.seccomp_arch_resolve_name(short.encode())
        # Without a rule of its own an architecture is refused altogether, so this is safe.
        if not token:
            unknown.append(name)
        elif (error := -library.seccomp_arch_add(context, token)) not in (0, _EXISTS):
            raise UnsupportedHost(f"libseccomp refuses {name}: {os.strerror(error).lower()}")
    return unknown


def _add(library: ctypes.CDLL, context: int, rule: Rule, number: int) -> None:
    """Add a rule. libseccomp takes one condition for each argument; several conditions on the
    same argument become a rule each, as in runc.
    """
    indexes = [comparison.index for comparison in rule.comparisons]
    if len(set(indexes)) == len(indexes):
        alternatives = [rule.comparisons]
    else:
        alternatives = [(comparison,) for comparison in rule.comparisons]
    for comparisons in alternatives:
        array = (_Comparison * len(comparisons))(
            *(_Comparison(c.index, c.operator, c.value, c.second) for c in comparisons)
        )
        error = -library.seccomp_rule_add_array(
            context, rule.action, number, len(comparisons), array
        )
        if error not in (0, _EXISTS):
            raise InvalidConfig(
                f"libseccomp refuses the rule about {rule.name}: {os.strerror(error).lower()}",
                citation="runtime-spec config-linux.md#seccomp",
            )


def _export(library: ctypes.CDLL, context: int) -> bytes:
    """libseccomp writes programs only to descriptors."""
    memory = os.memfd_create("filter", os.MFD_CLOEXEC)
    try:
        error = -library.seccomp_export_bpf(context, memory)
        if error:
            raise UnsupportedHost(
                f"libseccomp cannot make the filter: {os.strerror(error).lower()}"
            )
        return os.pread(memory, os.fstat(memory).st_size, 0)
    finally:
        os.close(memory)

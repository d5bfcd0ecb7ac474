"""Access to devices in control groups version 2: a small eBPF program decides.

The rules are compiled, last one first, into compares and jumps; the first that fits decides, so
that a later rule overrules an earlier one, as in version 1. See bpf(2).
"""

from __future__ import annotations

import ctypes
import os

from ocinb.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocinb.linux.syscalls import Kernel

_PROG_LOAD, _PROG_ATTACH = 5, 8
_TYPE_CGROUP_DEVICE, _ATTACH_CGROUP_DEVICE = 15, 6
_ALLOW_MULTI = 2
_BLOCK, _CHARACTER = 1, 2
_ACCESS = {"m": 1, "r": 2, "w": 4}
_ALL_ACCESS = 7

# Registers, and the words that bpf_cgroup_dev_ctx has: access << 16 | type, major, minor.
_R0, _R1, _TYPE, _WANTED, _MAJOR, _MINOR = 0, 1, 2, 3, 4, 5

# Instructions: load word, and, shift right, move, jump if not equal, exit.
_LDX_W, _AND32_K, _RSH32_K = 0x61, 0x54, 0x74
_MOV32_X, _MOV64_K, _JNE_K, _JNE_X, _EXIT = 0xBC, 0xB7, 0x55, 0x5D, 0x95


class DeviceRule(Frozen):
    """A rule about devices.

    Attributes:
        allow: or deny.
        kind: ``a`` (all), ``c`` or ``b``.
        major: or None for all.
        minor: or None for all.
        access: of the letters ``rwm``.
    """

    allow: bool
    kind: str = "a"
    major: int | None = None
    minor: int | None = None
    access: str = "rwm"


def compile_rules(rules: Sequence[DeviceRule]) -> bytes:
    """The program: it returns 1 to allow, 0 to deny; what no rule is about is allowed."""
    code = [
        _instruction(_LDX_W, _TYPE, _R1, 0, 0),
        _instruction(_AND32_K, _TYPE, 0, 0, 0xFFFF),
        _instruction(_LDX_W, _WANTED, _R1, 0, 0),
        _instruction(_RSH32_K, _WANTED, 0, 0, 16),
        _instruction(_LDX_W, _MAJOR, _R1, 4, 0),
        _instruction(_LDX_W, _MINOR, _R1, 8, 0),
    ]
    for rule in reversed(rules):
        code += _compile(rule)
        if rule == DeviceRule(allow=rule.allow):
            # It is about everything; the kernel refuses code that can never be reached.
            return b"".join(code)
    code += [_instruction(_MOV64_K, _R0, 0, 0, 1), _instruction(_EXIT, 0, 0, 0, 0)]
    return b"".join(code)


def _compile(rule: DeviceRule) -> list[bytes]:
    tests: list[tuple[int, int, int, int]] = []
    before: list[bytes] = []
    if rule.kind in ("b", "c"):
        tests.append((_JNE_K, _TYPE, 0, _BLOCK if rule.kind == "b" else _CHARACTER))
    access = sum({_ACCESS[letter] for letter in rule.access})
    if access != _ALL_ACCESS:
        if rule.allow:
            # Allowed only if nothing else is wanted: wanted & access == wanted.
            before = [
                _instruction(_MOV32_X, _R1, _WANTED, 0, 0),
                _instruction(_AND32_K, _R1, 0, 0, access),
            ]
            tests.append((_JNE_X, _R1, _WANTED, 0))
        else:
            # Denied as soon as anything of it is wanted: wanted & ~access != wanted.
            return _compile_denial(rule, access, tests)
    if rule.major is not None:
        tests.append((_JNE_K, _MAJOR, 0, rule.major))
    if rule.minor is not None:
        tests.append((_JNE_K, _MINOR, 0, rule.minor))
    return [*before, *_tests(tests), *_verdict(rule.allow)]


def _compile_denial(
    rule: DeviceRule, access: int, tests: list[tuple[int, int, int, int]]
) -> list[bytes]:
    if rule.major is not None:
        tests.append((_JNE_K, _MAJOR, 0, rule.major))
    if rule.minor is not None:
        tests.append((_JNE_K, _MINOR, 0, rule.minor))
    touched = [
        _instruction(_MOV32_X, _R1, _WANTED, 0, 0),
        _instruction(_AND32_K, _R1, 0, 0, access),
        _instruction(_JNE_K, _R1, 0, 1, 0),  # something of it is wanted: to the verdict
        _instruction(0x05, 0, 0, 2, 0),  # nothing: over the verdict
    ]
    return [*_tests(tests, beyond=len(touched)), *touched, *_verdict(False)]


def _tests(tests: list[tuple[int, int, int, int]], beyond: int = 0) -> list[bytes]:
    """Jumps over the verdict, which is two instructions, where a test does not hold."""
    count = len(tests)
    return [
        _instruction(operation, left, right, count - 1 - place + beyond + 2, value)
        for place, (operation, left, right, value) in enumerate(tests)
    ]


def _verdict(allow: bool) -> list[bytes]:
    return [_instruction(_MOV64_K, _R0, 0, 0, int(allow)), _instruction(_EXIT, 0, 0, 0, 0)]


def _instruction(operation: int, left: int, right: int, offset: int, value: int) -> bytes:
    return (
        bytes([operation, left | right << 4])
        + offset.to_bytes(2, "little", signed=True)
        + (value & 0xFFFFFFFF).to_bytes(4, "little")
    )


def attach(kernel: Kernel, directory: str, rules: Sequence[DeviceRule]) -> None:
    """Make the rules hold for a control group.

    Args:
        kernel: makes the calls.
        directory: of the control group.
        rules: in order.

    Raises:
        SyscallError: the kernel has no such programs, or this process may not attach one.
    """
    program = compile_rules(rules)
    instructions = ctypes.create_string_buffer(program, len(program))
    license_text = ctypes.create_string_buffer(b"Apache-2.0")
    load = (
        _TYPE_CGROUP_DEVICE.to_bytes(4, "little")
        + (len(program) // 8).to_bytes(4, "little")
        + ctypes.addressof(instructions).to_bytes(8, "little")
        + ctypes.addressof(license_text).to_bytes(8, "little")
        + bytes(104)
    )
    loaded = kernel.bpf(_PROG_LOAD, load, shown=f"{len(rules)} device rules")
    group = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        attributes = b"".join(
            number.to_bytes(4, "little")
            for number in (group, loaded, _ATTACH_CGROUP_DEVICE, _ALLOW_MULTI)
        )
        kernel.bpf(_PROG_ATTACH, attributes + bytes(112), shown=directory)
    finally:
        os.close(group)
        os.close(loaded)

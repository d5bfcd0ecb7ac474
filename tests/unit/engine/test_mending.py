"""The filter that proot needs, run instruction by instruction."""

from __future__ import annotations

import struct

import pytest

from ocinb.engine.emulated.mending import mending_filter, unknown_to_proot
from ocinb.linux.seccomp import ACTIONS

ALLOW, NO_SUCH_CALL = ACTIONS["SCMP_ACT_ALLOW"], ACTIONS["SCMP_ACT_ERRNO"] | 38
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386 = 0x40000003


def answer(program: bytes, number: int, architecture: int) -> int:
    """What the kernel's interpreter would return for a system call."""
    data = struct.pack("<II", number, architecture)
    accumulator, at = 0, 0
    while True:
        code, true, false, value = struct.unpack_from("<HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif code == 0x15:
            at += true if accumulator == value else false
        else:
            assert code == 0x06
            return int(value)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_calls_that_proot_does_not_know_are_unknown(machine: str) -> None:
    program, refused = mending_filter(machine), set(unknown_to_proot(machine).values())
    assert len(program) % 8 == 0
    for number in range(600):
        wanted = NO_SUCH_CALL if number in refused else ALLOW
        assert answer(program, number, ARCHITECTURES[machine]) == wanted, number


def test_the_newer_ways_to_open_and_look_at_files_are_among_them() -> None:
    calls = unknown_to_proot("x86_64")
    assert (calls["statx"], calls["openat2"], calls["faccessat2"]) == (332, 437, 439)
    assert {"clone3", "fchmodat2", "io_uring_setup", "renameat2", "execveat"} <= set(calls)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_32_bit_programs_are_left_alone(machine: str) -> None:
    for number in unknown_to_proot(machine).values():
        assert answer(mending_filter(machine), number, I386) == ALLOW


def test_a_machine_that_nobody_knows_has_no_filter() -> None:
    assert mending_filter("riscv64") == b""

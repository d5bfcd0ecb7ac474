"""The eBPF program, interpreted here; and once by the kernel."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ocinb.linux.device_filter import DeviceRule, attach, compile_rules
from ocinb.linux.syscalls import Kernel

BITS = {"m": 1, "r": 2, "w": 4}
KINDS = {"b": 1, "c": 2}


def allows(rules: Sequence[DeviceRule], kind: str, major: int, minor: int, access: str) -> bool:
    """Run the program on one access, as the kernel would."""
    words = {0: sum(BITS[a] for a in access) << 16 | KINDS[kind], 4: major, 8: minor}
    code = compile_rules(rules)
    registers = [0] * 11
    place = 0
    while True:
        instruction = code[place * 8 : place * 8 + 8]
        operation, left, right = instruction[0], instruction[1] & 15, instruction[1] >> 4
        offset = int.from_bytes(instruction[2:4], "little", signed=True)
        value = int.from_bytes(instruction[4:8], "little")
        place += 1
        match operation:
            case 0x61:
                registers[left] = words[offset]
            case 0x54:
                registers[left] &= value
            case 0x74:
                registers[left] >>= value
            case 0xBC:
                registers[left] = registers[right]
            case 0xB7:
                registers[left] = value
            case 0x55:
                place += offset if registers[left] != value else 0
            case 0x5D:
                place += offset if registers[left] != registers[right] else 0
            case 0x05:
                place += offset
            case 0x95:
                return bool(registers[0])
            case _:
                raise AssertionError(hex(operation))


DENY_ALL = DeviceRule(allow=False)
NULL = DeviceRule(allow=True, kind="c", major=1, minor=3, access="rw")


def test_a_later_rule_overrules_an_earlier_one() -> None:
    assert allows([DENY_ALL, NULL], "c", 1, 3, "rw")
    assert not allows([NULL, DENY_ALL], "c", 1, 3, "rw")


@pytest.mark.parametrize(
    ("kind", "major", "minor", "access", "allowed"),
    [
        ("c", 1, 3, "r", True),
        ("c", 1, 3, "rwm", False),  # m is more than the rule allows
        ("c", 1, 5, "r", False),
        ("b", 1, 3, "r", False),
    ],
)
def test_a_rule_fits_by_all_that_it_says(
    kind: str, major: int, minor: int, access: str, allowed: bool
) -> None:
    assert allows([DENY_ALL, NULL], kind, major, minor, access) is allowed


def test_a_denial_of_writing_leaves_reading() -> None:
    rules = [DeviceRule(allow=True), DeviceRule(allow=False, kind="c", major=1, access="w")]
    assert allows(rules, "c", 1, 5, "r")
    assert not allows(rules, "c", 1, 5, "rw")
    assert allows(rules, "c", 2, 5, "w")


def test_without_rules_all_is_allowed() -> None:
    assert allows([], "b", 8, 0, "rwm")


@pytest.mark.root
def test_the_kernel_takes_and_obeys_the_program() -> None:
    tree = next((p for p in map(Path, ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"))
                 if (p / "cgroup.procs").exists()), None)  # fmt: skip
    if tree is None:
        pytest.skip("no control groups version 2 here")
    group = tree / "ocinb-unit-devices"
    group.mkdir()
    try:
        attach(Kernel(), str(group), [DENY_ALL, NULL])
        script = f"echo $$ > {group}/cgroup.procs; : > /dev/null && : < /dev/zero"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
        assert "/dev/zero" in done.stderr
        assert "/dev/null" not in done.stderr
    finally:
        os.rmdir(group)

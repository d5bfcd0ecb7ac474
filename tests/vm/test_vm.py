"""Control groups version 2, in a small virtual machine that is booted for these tests.

The machine is emulated (QEMU without KVM), so nothing in it is quick; the tests in ``guest`` are
run one after the other by one boot, and each tells over the serial line how it went.
"""

from __future__ import annotations

import ast
import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.peers import require
from tests.vm.image import initial_ramdisk, kernel

GUEST = Path(__file__).parent / "guest"
SECONDS = 800

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer,
    pytest.mark.root,
    pytest.mark.timeout(SECONDS + 60),
]


def _names() -> list[str]:
    found = []
    for path in sorted(GUEST.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.append(f"{path.stem}.{node.name}")
    return found


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """All that the machine said on its serial line, from the first test to the last.

    Of several processes that run tests, as pytest-xdist has them, one boots it for all.
    """
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    with (shared / "vm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = shared / "vm.said"
        if not known.exists():
            known.write_text(_boot(tmp_path_factory.mktemp("vm")))
    said = known.read_text()
    assert "\ndone\n" in said, f"the machine did not come to its end:\n{said}"
    return said


def _boot(directory: Path) -> str:
    qemu = require("qemu-system-x86_64")
    argv = [
        qemu, "-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", "1024",
        "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot",
        "-kernel", str(kernel()), "-initrd", str(initial_ramdisk(directory)),
        "-append", "console=ttyS0 quiet loglevel=1 panic=-1 cgroup_no_v1=all mitigations=off",
    ]  # fmt: skip
    with (directory / "serial").open("wb") as out:
        try:
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False,
                           timeout=SECONDS)  # fmt: skip
        except subprocess.TimeoutExpired:
            out.write(f"\nit was stopped after {SECONDS} seconds\n".encode())
    return (directory / "serial").read_text(errors="replace").replace("\r\n", "\n")


@pytest.mark.parametrize("name", _names())
def test_in_the_machine(told: str, name: str) -> None:
    lines = told.splitlines()
    (number,) = (n for n, line in enumerate(lines) if f"ok {name} " in line)
    trace = [line for line in lines[max(0, number - 30) : number] if line.startswith("# ")]
    assert lines[number].startswith(f"ok {name} "), "\n".join([*trace, lines[number]])

"""Escapes from beginning to end: what is on the host afterwards, not what was refused."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.peers import require
from tests.support.runtimes import (
    OURS,
    Bundle,
    RuntimeProgram,
    alive,
    make_rootfs,
    wait_until,
)

_LINKER = r"""
static long call(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}
void _start(void) {
  char *words[] = {"/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do "
                   "echo overwritten > /proc/self/fd/9 && exit; sleep 0.2; done", 0};
  call(33, call(2, (long)"/proc/self/exe", 0, 0), 9, 0); /* dup2(open()) */
  call(59, (long)words[0], (long)words, 0);              /* execve */
  call(60, 1, 0, 0);
}
"""
"""What the kernel takes for a dynamic linker: it keeps the program that it is to link open, and
writes to its file when nobody runs it any more."""


@pytest.fixture
def image(tmp_path: Path, bundle: Bundle) -> Path:
    """A root filesystem that an attacker has made, of this test alone."""
    directory = make_rootfs(tmp_path / "image")
    bundle.config["root"] = {"path": str(directory), "readonly": False}
    return directory


@pytest.mark.parametrize("how", ["script", "link"])
def test_2019_5736_the_runtimes_interpreter_is_not_overwritten(
    ours: RuntimeProgram, bundle: Bundle, image: Path, tmp_path: Path, how: str
) -> None:
    # A copy of the interpreter, whose loss would be none.
    python = tmp_path / "python3"
    shutil.copy(Path("/proc/self/exe").resolve(), python)
    before = python.read_bytes()
    ours.argv = [str(python), *ours.argv[1:]]
    linker = image / "lib64/ld-linux-x86-64.so.2"
    linker.parent.mkdir()
    source = tmp_path / "linker.c"
    source.write_text(_LINKER)
    flags = "-O1 -static -nostdlib -no-pie -fno-stack-protector -Wl,-Ttext-segment=0x60000000"
    subprocess.run([require("gcc"), *flags.split(), "-o", linker, source], check=True)
    evil = image / "bin/evil"
    evil.write_text("#!/bin/sh\n")
    evil.chmod(0o755)
    bundle.process["args"] = ["/bin/evil"]
    assert ours.create(bundle).returncode == 0
    evil.unlink()
    if how == "script":
        evil.write_text("#!/proc/self/exe\n")
        evil.chmod(0o755)
    else:
        evil.symlink_to("/proc/self/exe")
    pid = ours.state()["pid"]
    ours.call("start", "c")
    # Nobody runs the interpreter meanwhile: its file could not be written to.
    wait_until(lambda: not alive(pid))
    assert python.read_bytes() == before


@pytest.mark.parametrize("what", ["directory", "file"])
@pytest.mark.parametrize("upwards", ["", "../../../../../../../.."])
def test_2024_45310_no_mount_point_is_made_on_the_host(
    ours: RuntimeProgram, bundle: Bundle, image: Path, tmp_path: Path, what: str, upwards: str
) -> None:
    outside, source = tmp_path / "outside", tmp_path / "source"
    outside.mkdir()
    source.mkdir() if what == "directory" else source.touch()
    (image / "point").symlink_to(f"{upwards}{outside}")
    bundle.mount("/point/made/here", "bind", str(source), "bind")
    ours.run(bundle)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("command", ["run", "exec"])
def test_2024_21626_a_descriptor_that_a_caller_leaked_is_no_way_out(
    ours: RuntimeProgram, bundle: Bundle, tmp_path: Path, command: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "treasure").touch()
    leaked = os.open(outside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        cwd = f"/proc/self/fd/{leaked}"
        if command == "run":
            bundle.process["cwd"] = cwd
            bundle.shell("ls -a")
            words = ["run", "--bundle", bundle.write(), ours.note("c")]
        else:
            assert ours.create(bundle.shell("sleep 100")).returncode == 0
            assert ours.call("start", "c").returncode == 0
            words = ["exec", "--cwd", cwd, "c", "/bin/ls", "-a"]
        done = ours.call(*words, pass_fds=(leaked,))
    finally:
        os.close(leaked)
    assert "treasure" not in done.stdout
    assert done.returncode != 0
    assert "process.cwd" in done.stderr
    assert OURS[3] not in done.stderr

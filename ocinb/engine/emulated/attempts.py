"""Whether proot and fakechroot work here, found out by running a program with them."""

from __future__ import annotations

import ctypes
import os
import subprocess

from ocinb.engine.emulated import fakechroot, proot
from ocinb.engine.emulated.mending import mending_filter
from ocinb.errors import SyscallError, UnsupportedHost
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.probe import answer_of
from ocinb.overlay.trees import remove_tree

_SECONDS = 5.0
_MARK = "found"


def try_proot() -> tuple[str, str]:
    """Run ``true`` by proot, with the filter that mends it.

    Returns:
        What went wrong, empty if it works; and what would enable it.
    """
    try:
        program = proot.find_proot()
    except UnsupportedHost as error:
        return error.message, error.hint or ""
    enable = "a seccomp filter or a security module must allow ptrace"
    return answer_of(be_traced) or answer_of(lambda: _run_proot(program)), enable


def be_traced() -> None:
    """Ask to be traced, as proot does; for a child that ends at once.

    Raises:
        SyscallError: that is refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(0, 0, None, None):  # PTRACE_TRACEME
        raise SyscallError("ptrace", ("PTRACE_TRACEME",), ctypes.get_errno())


def _run_proot(program: str) -> None:
    """In a child. What proot says goes nowhere."""
    kernel = Kernel()
    pid = os.fork()
    if pid == 0:
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            kernel.prctl(f.PR_SET_NO_NEW_PRIVS, 1)
            arguments = [os.fsencode(program), b"--verbose=-1", b"--rootfs=/", b"/bin/true"]
            variables = {b"PATH": b"/usr/bin:/bin"}
            mended = mending_filter(os.uname().machine)
            if mended:
                kernel.execve_filtered(arguments[0], arguments, variables, program=mended, flags=0)
            kernel.execve(arguments[0], arguments, variables)
        except SyscallError as error:
            os._exit(error.errno or 255)
        finally:
            os._exit(255)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        raise UnsupportedHost(f"proot was killed by signal {-code}")
    if code:
        raise UnsupportedHost(f"proot cannot follow a program (ptrace): status {code}")


def try_fakechroot(directory: str) -> tuple[str, str]:
    """Have ``cat`` read a file that is only there if its paths are moved.

    Args:
        directory: where a file can be made.

    Returns:
        What went wrong, empty if it works; and what would enable it.
    """
    try:
        library = fakechroot.find_library()
    except UnsupportedHost as error:
        return error.message, error.hint or ""
    scratch = f"{directory}/probe-{os.urandom(6).hex()}"
    os.mkdir(scratch, 0o700)
    try:
        with open(f"{scratch}/{_MARK}", "w", encoding="ascii") as file:
            file.write(_MARK)
        variables = {"PATH": "/usr/bin:/bin", "FAKECHROOT_BASE": scratch, "LD_PRELOAD": library}
        done = subprocess.run(
            ["/bin/cat", f"/{_MARK}"],
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error), "a GNU C library"
    finally:
        remove_tree(scratch)
    if done.stdout.decode(errors="replace") == _MARK:
        return "", ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return f"paths are not moved: {said[-1] if said else 'no answer'}", "a GNU C library"

"""A locked-down pod, as mybinder.org's: an ordinary user without any capability, and a filter of
system calls that refuses whatever makes namespaces and mounts. With ``--no-ptrace`` tracing too.

Run as ``python tests/support/pod.py [--no-ptrace] UID COMMAND …``, by the superuser.
"""

from __future__ import annotations

import os
import sys

from ocinb.linux import flags as f
from ocinb.linux.seccomp import ACTIONS, OPERATORS, Comparison, Rule, compile_filter
from ocinb.linux.syscalls import Kernel

REFUSED = (
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount",
    "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "bpf", "keyctl", "perf_event_open",
)  # fmt: skip
TRACING = ("ptrace", "process_vm_readv", "process_vm_writev")
NAMESPACES = 0x7E020000
"""CLONE_NEW* that clone takes."""
_EPERM, _ENOSYS = 1, 38


def filter_program(*, tracing: bool) -> bytes:
    """The filter; 32-bit programs are under it too."""
    refuse, unknown = ACTIONS["SCMP_ACT_ERRNO"] | _EPERM, ACTIONS["SCMP_ACT_ERRNO"] | _ENOSYS
    rules = [Rule(name=n, action=refuse) for n in (*REFUSED, *(() if tracing else TRACING))]
    masked = OPERATORS["SCMP_CMP_MASKED_EQ"]
    rules += [
        Rule(
            name="clone",
            action=refuse,
            comparisons=(Comparison(index=0, operator=masked, value=1 << bit, second=1 << bit),),
        )
        for bit in range(32)
        if NAMESPACES & 1 << bit
    ]
    # Its flags are in memory, where no filter looks: programs fall back to clone.
    rules.append(Rule(name="clone3", action=unknown))
    program, _ = compile_filter(
        ACTIONS["SCMP_ACT_ALLOW"], rules, ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    )
    return program


def main(words: list[str]) -> None:
    """Lock this process down and become the command."""
    tracing = words[0] != "--no-ptrace"
    uid, *command = words if tracing else words[1:]
    program = filter_program(tracing=tracing)
    kernel = Kernel()
    # On real machines ordinary users may open terminals; here devpts has ptmxmode=000.
    kernel.unshare(f.CLONE_NEWNS)
    kernel.mount(None, "/", None, f.MS_REC | f.MS_SLAVE)
    kernel.mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620")
    for capability in range(64):
        try:
            kernel.prctl(f.PR_CAPBSET_DROP, capability)
        except OSError:
            break
    os.setgroups([])
    os.setresgid(int(uid), int(uid), int(uid))
    os.setresuid(int(uid), int(uid), int(uid))
    kernel.prctl(f.PR_SET_NO_NEW_PRIVS, 1)
    arguments = [os.fsencode(word) for word in command]
    kernel.execve_filtered(arguments[0], arguments, dict(os.environb), program=program, flags=0)


if __name__ == "__main__":
    main(sys.argv[1:])

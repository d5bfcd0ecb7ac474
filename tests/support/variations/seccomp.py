"""Variations of ``linux.seccomp``. Spec: runtime-spec config-linux.md#seccomp"""

from __future__ import annotations

from typing import Any

from tests.support.variations.variation import Variation

ALLOW = {"defaultAction": "SCMP_ACT_ALLOW"}


def rule(action: str, *names: str, **more: Any) -> dict[str, Any]:
    """One rule."""
    return {"names": list(names), "action": action, **more}


def filtered(
    name: str, *rules: dict[str, Any], extra: str = "", run: Any = None, **more: Any
) -> Variation:
    """A filter that allows everything but what the rules say."""
    filters = {**ALLOW, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": list(rules), **more}
    changes: dict[str, Any] = {"linux.seccomp": filters}
    if run:
        changes["process.args"] = run
    return Variation(f"seccomp: {name}", changes, extra)


def argument(value: int, op: str = "SCMP_CMP_EQ", index: int = 1, **more: Any) -> dict[str, Any]:
    """A condition on an argument."""
    return {"index": index, "value": value, "op": op, **more}


MKDIR = ["sh", "-c", "mkdir /tmp/x; echo after $?"]
KILL_ZERO = "kill -0 $$ && echo zero; kill -CONT $$ && echo eighteen"

ROWS = [
    filtered("nothing is denied"),
    filtered("an error", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat"), extra="mkdir /tmp/x"),
    filtered("an error of one's own", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=5),
             extra="mkdir /tmp/x"),
    filtered("kill the thread", rule("SCMP_ACT_KILL", "mkdir", "mkdirat"), run=MKDIR),
    filtered("kill the process", rule("SCMP_ACT_KILL_PROCESS", "mkdir", "mkdirat"), run=MKDIR),
    filtered("trap", rule("SCMP_ACT_TRAP", "mkdir", "mkdirat"), run=MKDIR),
    filtered("log", rule("SCMP_ACT_LOG", "mkdir", "mkdirat"), extra="mkdir /tmp/x"),
    filtered("an unknown system call", rule("SCMP_ACT_ERRNO", "no_such_call", "mkdir", "mkdirat"),
             extra="mkdir /tmp/x"),
    filtered("an argument", rule("SCMP_ACT_ERRNO", "kill", args=[argument(18)]), extra=KILL_ZERO),
    filtered("an argument that is not", rule(
        "SCMP_ACT_ERRNO", "kill", args=[argument(0, "SCMP_CMP_NE")]), extra=KILL_ZERO),
    filtered("an argument above", rule(
        "SCMP_ACT_ERRNO", "kill", args=[argument(17, "SCMP_CMP_GT")]), extra=KILL_ZERO),
    filtered("an argument below", rule(
        "SCMP_ACT_ERRNO", "kill", args=[argument(1, "SCMP_CMP_LT")]), extra=KILL_ZERO),
    filtered("an argument's bits", rule(
        "SCMP_ACT_ERRNO", "kill", args=[argument(16, "SCMP_CMP_MASKED_EQ", valueTwo=16)]),
        extra=KILL_ZERO),
    filtered("two rules of one call", rule("SCMP_ACT_ERRNO", "kill", args=[argument(0)]), rule(
        "SCMP_ACT_ERRNO", "kill", args=[argument(18)]), extra=KILL_ZERO),
    filtered("with a flag", rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat"),
             extra="mkdir /tmp/x", flags=["SECCOMP_FILTER_FLAG_LOG"]),
    Variation("seccomp: another default error", {"linux.seccomp": {
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [rule("SCMP_ACT_ALLOW", "execve", "brk", "arch_prctl", "mmap", "munmap",
                          "mprotect", "write", "exit_group", "exit", "close", "read", "openat",
                          "fstat", "newfstatat", "readlink", "prlimit64", "getrandom", "rseq",
                          "set_tid_address", "set_robust_list", "rt_sigaction", "uname",
                          "rt_sigprocmask", "getuid", "getpid", "getppid", "poll", "ioctl",
                          "fcntl", "stat", "lstat", "dup2", "getcwd", "futex", "prctl", "capget",
                          "setuid", "setgid", "setgroups", "getdents64", "close_range", "fchdir",
                          "chdir", "seccomp", "sigaltstack", "gettid", "tgkill", "clone",
                          "epoll_ctl", "epoll_pwait", "nanosleep", "sched_yield", "madvise")]},
        "process.args": ["sh", "-c", "mkdir /tmp/x 2>&1; echo after"]}),
    Variation("seccomp: an unknown action", {"linux.seccomp": {"defaultAction": "SCMP_ACT_X"}}),
    Variation("seccomp: an unknown architecture", {"linux.seccomp": {
        **ALLOW, "architectures": ["SCMP_ARCH_NOSUCH"]}}),
    Variation("seccomp: an unknown comparison", {"linux.seccomp": {**ALLOW, "syscalls": [
        rule("SCMP_ACT_ERRNO", "kill", args=[argument(1, "SCMP_CMP_X")])]}}),
    Variation("seccomp: no default action", {"linux.seccomp": {"syscalls": []}}),
    Variation("seccomp: nobody to notify", {"linux.seccomp": {**ALLOW, "syscalls": [
        rule("SCMP_ACT_NOTIFY", "mkdir")]}}),
]  # fmt: skip

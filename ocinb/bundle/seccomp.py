"""Our profile of system calls: what a program in a container may ask the kernel for.

What is listed is allowed. What is known and not listed is refused with EPERM; what is not known,
because it is newer than this list, with ENOSYS, so that libraries fall back to what is older.
Some calls are allowed together with the capability that they need anyway.

Spec: runtime-spec config-linux.md#seccomp (the field; the list is ours)
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterable, Iterator
from typing import Any

EPERM, ENOSYS = 1, 38

ARCHITECTURES = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
    "armv7l": ("SCMP_ARCH_ARM",),
    "i686": ("SCMP_ARCH_X86",),
    "ppc64le": ("SCMP_ARCH_PPC64LE",),
    "riscv64": ("SCMP_ARCH_RISCV64",),
    "s390x": ("SCMP_ARCH_S390X", "SCMP_ARCH_S390"),
    "loongarch64": ("SCMP_ARCH_LOONGARCH64",),
}
"""``uname -m`` → the architectures whose calls its programs may make.

x32 is left out: kernels are built without it, and each architecture costs some milliseconds of
compiling at every start.
"""

FILES = """
    access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2
    dup3 eventfd eventfd2 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark
    fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
    flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync
    ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr inotify_add_watch
    inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat
    listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 memfd_create
    memfd_secret mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe
    pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readdir readlink
    readlinkat readv removexattr rename renameat renameat2 rmdir sendfile sendfile64 setxattr
    splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range
    sync_file_range2 syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat
    utimensat_time64 utimes vmsplice write writev
"""
WAITING = """
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup
    io_submit poll ppoll ppoll_time64 pselect6 pselect6_time64 select _newselect
"""
MEMORY = """
    brk madvise map_shadow_stack mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap msync
    munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
    remap_file_pages
"""
PROCESSES = """
    arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area
    getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid
    getpgrp getpid getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit
    getrusage getsid gettid getuid getuid32 ioprio_get ioprio_set kill membarrier modify_ldt
    nice pause pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall rseq sched_getaffinity
    sched_getattr sched_getparam sched_get_priority_max sched_get_priority_min
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield seccomp setfsgid setfsgid32
    setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid
    setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit
    set_robust_list setsid set_thread_area set_tid_address setuid setuid32 sysinfo tgkill times
    tkill ugetrlimit uname vfork wait4 waitid waitpid landlock_create_ruleset landlock_add_rule
    landlock_restrict_self
"""
SIGNALS = """
    alarm getitimer rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo setitimer sigaction
    sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend
"""
TIME = """
    adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 futex futex_time64 futex_waitv
    futex_wake futex_wait futex_requeue gettimeofday nanosleep time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
    timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
"""
NETWORK = """
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall
    socketpair
"""
MESSAGES = """
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop
    semtimedop_time64 shmat shmctl shmdt shmget getrandom
"""
MACHINES = """
    arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls get_tls sync_file_range2
    s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr s390_guarded_storage s390_sthyi
    swapcontext riscv_flush_icache riscv_hwprobe
"""
"""Calls of single architectures; those of others are unknown names, which are left out."""

ALWAYS = tuple(
    dict.fromkeys(
        " ".join(
            (FILES, WAITING, MEMORY, PROCESSES, SIGNALS, TIME, NETWORK, MESSAGES, MACHINES)
        ).split()
    )
)

WITH_CAPABILITY = {
    "CAP_SYS_ADMIN": (
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
        "mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
        "sethostname setns swapoff swapon syslog umount umount2 unshare listmount statmount"
    ),
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYS_BOOT": "reboot kexec_load kexec_file_load",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "init_module finit_module delete_module",
    "CAP_SYS_NICE": (
        "get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node"
    ),
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": (
        "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"
    ),
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
    "CAP_SYSLOG": "syslog",
}
"""Capability → what it is allowed with."""

NEVER = """
    _sysctl add_key afs_syscall create_module get_kernel_syms getpmsg io_uring_enter
    io_uring_register io_uring_setup keyctl nfsservctl pivot_root putpmsg query_module request_key
    security sgetmask ssetmask sysfs tuxcall userfaultfd uselib ustat vm86 vm86old vserver
"""
"""Known, and not for containers: the kernel's keys, which no namespace keeps apart; interfaces
with a long history of holes; what is obsolete."""

_NAMESPACE_FLAGS = 0x7E020000
"""All CLONE_NEW… of clone(2), whose flags are its first argument (on s390 the second)."""

_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""PER_LINUX, PER_LINUX32, each with UNAME26, and only asking. None switches off randomization."""

_VSOCK = 40
"""Sockets to the hypervisor, which no network namespace keeps apart."""


def profile(capabilities: Iterable[str], machine: str | None = None) -> dict[str, Any]:
    """config.json's ``linux.seccomp``.

    Args:
        capabilities: the container's bounding set.
        machine: as ``uname -m`` says it; None: this one.

    Spec: runtime-spec config-linux.md#seccomp
    """
    machine = machine or os.uname().machine
    held = set(capabilities)
    gained = {
        name for cap, names in WITH_CAPABILITY.items() if cap in held for name in names.split()
    }
    bound = {name for names in WITH_CAPABILITY.values() for name in names.split()}
    filters: dict[str, Any] = {
        "defaultAction": "SCMP_ACT_ERRNO",
        # A runtime of version 1.0.2 does not know the field, and says EPERM.
        "defaultErrnoRet": ENOSYS,
    }
    if machine in ARCHITECTURES:
        filters["architectures"] = list(ARCHITECTURES[machine])
    filters["syscalls"] = [
        _rule("SCMP_ACT_ALLOW", [*ALWAYS, *sorted(gained)]),
        *_conditional(gained, machine),
        _rule("SCMP_ACT_ERRNO", sorted((bound | set(NEVER.split())) - gained - _SPECIAL), EPERM),
    ]
    return filters


_SPECIAL = {"clone", "clone3"}


def _conditional(gained: set[str], machine: str) -> Iterator[dict[str, Any]]:
    for value in _PERSONALITIES:
        yield _rule("SCMP_ACT_ALLOW", ["personality"], index=0, value=value)
    yield _rule("SCMP_ACT_ALLOW", ["socket"], index=0, value=_VSOCK, op="SCMP_CMP_NE")
    if "clone" in gained:
        return
    yield _rule(
        "SCMP_ACT_ALLOW", ["clone"],
        index=1 if machine.startswith("s390") else 0,
        value=_NAMESPACE_FLAGS, op="SCMP_CMP_MASKED_EQ", valueTwo=0,
    )  # fmt: skip
    # Its flags are in memory, where a filter cannot look: libraries then try clone.
    yield _rule("SCMP_ACT_ERRNO", ["clone3"], ENOSYS)


def _rule(
    action: str,
    names: list[str],
    errno: int | None = None,
    *,
    index: int | None = None,
    op: str = "SCMP_CMP_EQ",
    **values: int,
) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": names, "action": action}
    if errno is not None:
        rule["errnoRet"] = errno
    if index is not None:
        rule["args"] = [{"index": index, **values, "op": op}]
    return rule


@functools.cache
def available() -> bool:
    """Whether filters can be had here: the kernel has them, and libseccomp is there to make them.

    Every OCI runtime needs both. A sandbox may have neither, and runs containers all the same.
    """
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return False
    return os.path.exists("/proc/sys/kernel/seccomp/actions_avail")

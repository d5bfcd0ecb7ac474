"""Our profile of system calls. What it does to programs is in tests/conformance."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from ocinb.bundle import seccomp
from ocinb.bundle.capabilities import capabilities
from ocinb.bundle.spec import spec
from ocinb.spec.runtime_config import findings

DEFAULT = capabilities((), ())


def names(profile: dict[str, Any], action: str) -> list[str]:
    return [
        name
        for rule in profile["syscalls"]
        if rule["action"] == action and "args" not in rule
        for name in rule["names"]
    ]


def test_it_is_a_valid_filter() -> None:
    for machine in (*seccomp.ARCHITECTURES, "unknown"):
        config = spec()
        config["linux"]["seccomp"] = seccomp.profile(DEFAULT, machine)
        assert findings(config) == []


def test_what_is_allowed_is_not_refused() -> None:
    for held in ((), DEFAULT, seccomp.WITH_CAPABILITY, capabilities(["ALL"], ())):
        profile = seccomp.profile(held)
        allowed = names(profile, "SCMP_ACT_ALLOW")
        refused = names(profile, "SCMP_ACT_ERRNO")
        assert len(allowed) == len(set(allowed))
        assert not set(allowed) & set(refused)
        assert {"read", "execve", "exit_group", "openat", "mmap", "futex"} <= set(allowed)


@pytest.mark.parametrize("call", ["mount", "unshare", "bpf", "ptrace", "reboot", "init_module"])
def test_what_takes_a_capability_is_refused_without_it(call: str) -> None:
    assert call in names(seccomp.profile(DEFAULT), "SCMP_ACT_ERRNO")
    assert call in names(seccomp.profile(capabilities(["ALL"], ())), "SCMP_ACT_ALLOW")


@pytest.mark.parametrize("call", ["keyctl", "add_key", "userfaultfd", "io_uring_setup"])
def test_what_nobody_gets(call: str) -> None:
    assert call in names(seccomp.profile(capabilities(["ALL"], ())), "SCMP_ACT_ERRNO")


def test_new_namespaces_take_a_capability() -> None:
    conditional = [rule for rule in seccomp.profile(DEFAULT)["syscalls"] if "args" in rule]
    (clone,) = (rule for rule in conditional if rule["names"] == ["clone"])
    assert clone["args"][0]["value"] & 0x10000000  # CLONE_NEWUSER
    assert not clone["args"][0]["value"] & 0x00010000  # CLONE_THREAD
    free = seccomp.profile(["CAP_SYS_ADMIN"])
    assert {"clone", "clone3"} <= set(names(free, "SCMP_ACT_ALLOW"))


def test_libseccomp_knows_nearly_every_name() -> None:
    """A name that is misspelt would be left out without a word."""
    if not seccomp.available():
        pytest.skip("libseccomp is not here: apt-get install libseccomp2")
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    profile = seccomp.profile(capabilities(["ALL"], ()))
    listed = {name for rule in profile["syscalls"] for name in rule["names"]}
    unknown = {name for name in listed if library.seccomp_syscall_resolve_name(name.encode()) == -1}
    # Newer than Debian 12's libseccomp 2.5.4, or of architectures that it leaves out.
    assert unknown <= {
        "cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "listmount",
        "map_shadow_stack", "process_madvise", "riscv_hwprobe", "set_mempolicy_home_node",
        "statmount", "get_tls", "kexec_file_load", "utimensat_time64",
    }  # fmt: skip

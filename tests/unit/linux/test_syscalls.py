from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux.raw_calls import NUMBERS
from ocinb.linux.syscalls import Kernel

Seen = list[tuple[str, tuple[str, ...], int, int]]


@pytest.fixture
def seen() -> Seen:
    return []


@pytest.fixture
def kernel(seen: Seen) -> Kernel:
    return Kernel(lambda call, args, result, error, _: seen.append((call, args, result, error)))


def test_a_refusal_names_the_call_its_arguments_and_the_reason(kernel: Kernel) -> None:
    with pytest.raises(SyscallError) as caught:
        kernel.mount("/no/source", "/no/target", None, f.MS_BIND | f.MS_REC)
    assert caught.value.errno in (errno.ENOENT, errno.EPERM)
    assert str(caught.value).startswith("mount(/no/source, /no/target, none, MS_BIND|MS_REC, ): ")


def test_every_call_is_observed_also_one_that_fails(kernel: Kernel, seen: Seen) -> None:
    fd = kernel.openat2(f.AT_FDCWD, "/", f.O_PATH, resolve=f.RESOLVE_NO_SYMLINKS)
    os.close(fd)
    with pytest.raises(SyscallError):
        kernel.mkdir("/", 0o700)
    assert [(call, error) for call, _, _, error in seen] == [
        ("openat2", 0),
        ("mkdirat", errno.EEXIST),
    ]
    assert seen[0][2] == fd
    assert seen[0][1][-1] == "RESOLVE_NO_SYMLINKS"


def test_a_path_with_nul_is_refused_instead_of_cut(kernel: Kernel) -> None:
    with pytest.raises(SyscallError, match="invalid argument"):
        kernel.mount("none", "/tmp\0/x", "tmpfs")


def test_descriptors_are_closed_on_exec(kernel: Kernel) -> None:
    fd = kernel.openat2(f.AT_FDCWD, "/", os.O_RDONLY)
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_resolution_stays_beneath_the_root(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("../../../../../../etc/passwd")
    root = os.open(tmp_path, f.O_PATH)
    with pytest.raises(SyscallError) as caught:
        kernel.openat2(root, "out", os.O_RDONLY, resolve=f.RESOLVE_IN_ROOT)
    assert caught.value.errno == errno.ENOENT
    os.close(root)


def test_capget_agrees_with_proc(kernel: Kernel) -> None:
    status = Path("/proc/self/status").read_text()
    masks = {line.split()[0]: int(line.split()[1], 16) for line in status.splitlines()
             if line.startswith("Cap")}  # fmt: skip
    assert kernel.capget() == (masks["CapEff:"], masks["CapPrm:"], masks["CapInh:"])


def test_control_files_are_written_at_once_so_that_errors_show(kernel: Kernel) -> None:
    with pytest.raises(SyscallError) as caught:
        kernel.write("/proc/self/oom_score_adj", "9999")
    assert caught.value.errno == errno.EINVAL
    assert str(caught.value) == "write(/proc/self/oom_score_adj, 9999): invalid argument"


def test_both_architectures_know_the_same_calls() -> None:
    assert NUMBERS["x86_64"].keys() == NUMBERS["aarch64"].keys()


def test_a_pidfd_is_readable_when_the_process_has_ended(kernel: Kernel) -> None:
    import select
    import subprocess

    with subprocess.Popen(["sleep", "60"]) as process:
        fd = kernel.pidfd_open(process.pid)
        assert select.select([fd], [], [], 0)[0] == []
        kernel.pidfd_send_signal(fd, 9)
        assert select.select([fd], [], [], 10)[0] == [fd]
        os.close(fd)

"""Making files beneath a directory that somebody else controls."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    path.mkdir()
    return path


@pytest.fixture
def beneath(root: Path) -> Iterator[Beneath]:
    fd = os.open(root, f.O_PATH)
    yield Beneath(Kernel(), fd)
    os.close(fd)


def where(fd: int) -> str:
    path = os.readlink(f"/proc/self/fd/{fd}")
    os.close(fd)
    return path


def test_missing_directories_are_made(beneath: Beneath, root: Path) -> None:
    assert where(beneath.make_directory("/a/b//c/.")) == str(root / "a/b/c")


def test_a_missing_file_is_made_with_its_directories(beneath: Beneath, root: Path) -> None:
    assert where(beneath.make_file("/a/b/file")) == str(root / "a/b/file")
    assert (root / "a/b/file").is_file()


def test_what_exists_is_left_as_it_is(beneath: Beneath, root: Path) -> None:
    (root / "file").write_text("kept")
    os.close(beneath.make_file("/file"))
    assert (root / "file").read_text() == "kept"


@pytest.mark.parametrize("link", ["/elsewhere", "../../../elsewhere", "/../elsewhere"])
def test_a_dangling_link_is_followed_inside(beneath: Beneath, root: Path, link: str) -> None:
    (root / "link").symlink_to(link)
    assert where(beneath.make_directory("/link/sub")) == str(root / "elsewhere/sub")
    assert not (root.parent / "elsewhere").exists()


def test_a_dangling_link_to_a_file(beneath: Beneath, root: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc/resolv.conf").symlink_to("../run/resolve/conf")
    assert where(beneath.make_file("/etc/resolv.conf")) == str(root / "run/resolve/conf")


def test_links_in_a_circle_are_an_error(beneath: Beneath, root: Path) -> None:
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    with pytest.raises(SyscallError) as caught:
        beneath.make_directory("/one/sub")
    assert caught.value.errno == errno.ELOOP


def test_parents_do_not_lead_out(beneath: Beneath, root: Path) -> None:
    assert where(beneath.make_directory("/../../../outside")) == str(root / "outside")


def test_a_file_is_no_directory(beneath: Beneath, root: Path) -> None:
    (root / "file").write_text("x")
    with pytest.raises(SyscallError) as caught:
        beneath.make_directory("/file")
    assert caught.value.errno == errno.ENOTDIR


def test_the_root_itself(beneath: Beneath, root: Path) -> None:
    assert where(beneath.make_directory("/")) == str(root)
    directory, name = beneath.parent("/file")
    assert (where(directory), name) == (str(root), "file")


def test_a_link_to_proc_means_the_proc_inside(beneath: Beneath, root: Path) -> None:
    (root / "link").symlink_to("/proc/self/root")
    assert where(beneath.make_directory("/link")) == str(root / "proc/self/root")

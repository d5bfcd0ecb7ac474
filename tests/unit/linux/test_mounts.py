from __future__ import annotations

import os

import pytest

from ocinb.linux import flags as f
from ocinb.linux.mounts import mount_at, mount_of, mounts, parse

TEXT = """\
22 27 0:21 / /proc rw,nosuid,relatime shared:5 master:1 - proc proc rw
40 27 0:40 /sub /a\\040b\\134c ro,noatime - ext4 /dev/vda rw,errors=remount-ro
41 40 0:41 / /a\\040b\\134c/d rw - tmpfs none rw
42 27 0:42 / /proc rw,relatime - proc proc rw
"""


def test_a_line_is_read_field_by_field() -> None:
    first, second, *_ = parse(TEXT)
    assert (first.mount_id, first.parent_id, first.device) == (22, 27, "0:21")
    assert first.propagation == ("shared:5", "master:1")
    assert first.fstype == "proc"
    assert second.target == "/a b\\c"
    assert second.root == "/sub"
    assert second.source == "/dev/vda"
    assert second.super_options == "rw,errors=remount-ro"


def test_flags_are_those_that_a_remount_must_repeat() -> None:
    first, second, third, _ = parse(TEXT)
    assert first.flags == f.MS_NOSUID | f.MS_RELATIME
    assert second.flags == f.MS_RDONLY | f.MS_NOATIME
    assert third.flags == f.MS_STRICTATIME


def test_the_topmost_mount_is_found() -> None:
    among = list(parse(TEXT))
    top = mount_at("/proc", among)
    assert top is not None
    assert top.mount_id == 42
    assert mount_at("/nowhere", among) is None


@pytest.mark.parametrize(
    ("path", "number"), [("/a b\\c/d/e", 41), ("/a b\\c/dd", 40), ("/proc", 42), ("/x", None)]
)
def test_the_mount_that_holds_a_path(path: str, number: int | None) -> None:
    found = mount_of(path, list(parse(TEXT)))
    assert (found.mount_id if found else None) == number


def test_this_machines_mounts() -> None:
    found = mounts()
    assert any(mount.target == "/proc" for mount in found)
    holder = mount_of("/proc/self")
    assert holder is not None
    assert holder.device.split(":")[1] == str(os.minor(os.stat("/proc/self").st_dev))

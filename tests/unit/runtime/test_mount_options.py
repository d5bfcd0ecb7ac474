"""Spec: runtime-spec config.md#linux-mount-options"""

from __future__ import annotations

import pytest

from ocinb.linux import flags as f
from ocinb.runtime.mount_options import (
    ATTRIBUTES,
    BINDS,
    COPY_UP,
    FILESYSTEM,
    ID_MAPS,
    PROPAGATION,
    MountOptions,
    parse,
)

TABLE = """
async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev
nodiratime noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow
private ratime rbind rdev rdiratime relatime remount rexec rnoatime rnodiratime rnoexec
rnorelatime rnostrictatime rnosuid rnosymfollow ro rprivate rrelatime rro rrw rshared rslave
rstrictatime rsuid rsymfollow runbindable rw shared silent slave strictatime suid symfollow sync
tmpcopyup unbindable idmap ridmap
"""
SPECIFIED = TABLE.split()
"""The table of runtime-spec v1.3.0."""


@pytest.mark.parametrize("word", SPECIFIED)
def test_every_word_of_the_specification_is_known(word: str) -> None:
    assert parse([word]).data == ""


def test_the_words_of_this_module_are_all_specified() -> None:
    recursive = {f"r{word}" for word in ATTRIBUTES}
    ours = {*ATTRIBUTES, *recursive, *FILESYSTEM, *PROPAGATION, *BINDS, *ID_MAPS, COPY_UP}
    assert set(SPECIFIED) - ours == {"remount"}
    # The table forgets one of the recursive words.
    assert ours - set(SPECIFIED) == {"rnodev"}


def test_flags_for_mount() -> None:
    options = parse(["nosuid", "noexec", "nodev", "ro", "sync"])
    expected = f.MS_NOSUID | f.MS_NOEXEC | f.MS_NODEV | f.MS_RDONLY | f.MS_SYNCHRONOUS
    assert options.flags == expected


def test_the_later_word_holds() -> None:
    assert not parse(["ro", "rw"]).flags & f.MS_RDONLY
    assert parse(["rw", "ro"]).flags & f.MS_RDONLY
    assert parse(["ro", "rw"]).clear == f.MOUNT_ATTR_RDONLY


def test_what_is_said_explicitly_is_cleared_explicitly() -> None:
    options = parse(["rw", "exec"])
    assert options.clear == f.MOUNT_ATTR_RDONLY | f.MOUNT_ATTR_NOEXEC
    assert options.set == 0


def test_modes_of_atime_exclude_each_other() -> None:
    options = parse(["noatime", "strictatime"])
    assert options.set == f.MOUNT_ATTR_STRICTATIME
    assert options.clear == f.MOUNT_ATTR__ATIME


def test_recursive_words_are_for_the_whole_tree() -> None:
    options = parse(["rro", "rnosuid", "ro"])
    assert options.set_below == f.MOUNT_ATTR_RDONLY | f.MOUNT_ATTR_NOSUID
    assert options.set == f.MOUNT_ATTR_RDONLY


def test_what_nobody_knows_is_the_filesystems() -> None:
    options = parse(["mode=755", "nosuid", "size=64k", ""])
    assert options.data == "mode=755,size=64k"


def test_bind_and_propagation() -> None:
    options = parse(["rbind", "rprivate", "rshared"])
    assert options.bind
    assert options.recursive
    assert options.propagation == (f.MS_PRIVATE | f.MS_REC, f.MS_SHARED | f.MS_REC)
    assert not parse(["bind"]).recursive


def test_no_words() -> None:
    assert parse([]) == MountOptions()

"""Directories that are one user's alone, and those that somebody else laid in the way."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import struct
import types
from pathlib import Path

import pytest

from ocinb.engine import Engine
from ocinb.errors import StorageError
from ocinb.private_directory import check_private, private_directory
from ocinb.settings import Settings

STRANGER = 12345
_ANY = 0xFFFFFFFF
"""The id of entries of an access control list that name nobody."""


def _be_in_a_group(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """This user is ann, and her group has that name."""
    here = os.getegid()
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: _Entry(pw_name="ann", pw_gid=here))
    monkeypatch.setattr(grp, "getgrgid", lambda gid: _Entry(gr_name=name, gr_mem=[]))


class _Entry(types.SimpleNamespace):
    """An entry of /etc/passwd or /etc/group."""


def test_it_is_made_for_its_user_alone_and_its_parents_as_the_umask_has_it(tmp_path: Path) -> None:
    private_directory(tmp_path / "share/ocinb")
    private_directory(tmp_path / "share/ocinb")
    assert stat.S_IMODE((tmp_path / "share/ocinb").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "share").stat().st_mode) != 0o700


def test_one_that_others_may_read_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o755)
    private_directory(tmp_path / "own")
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o755


def test_where_nothing_is_nothing_is_wrong(tmp_path: Path) -> None:
    check_private(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_link_of_ones_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o700)
    (tmp_path / "ocinb").symlink_to("disk")
    private_directory(tmp_path / "ocinb")


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777], ids=oct)
def test_one_that_others_may_write_into_is_refused(
    tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _be_in_a_group(monkeypatch, "staff")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/laid").touch()
    (tmp_path / "shared").chmod(mode)
    (tmp_path / "link").symlink_to("shared")
    for name in ("shared", "link"):
        with pytest.raises(StorageError, match="other users may write into") as caught:
            private_directory(tmp_path / name)
        # One that is everybody's, as /tmp is, is not to be closed.
        told = f"name a directory in it, such as {tmp_path / name}/ocinb"
        closed = f"chmod go-w {tmp_path / name}, once what is in it is known to be yours"
        assert caught.value.hint == (told if mode & stat.S_ISVTX else closed)


@pytest.mark.parametrize("name", ["ann", "staff"])
@pytest.mark.parametrize("filled", [True, False], ids=["filled", "empty"])
def test_by_the_umask_002_it_is_closed_to_ones_own_group(
    tmp_path: Path, name: str, filled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of others may have put something there, but not where nothing is."""
    _be_in_a_group(monkeypatch, name)
    own = tmp_path / "own"
    own.mkdir()
    if filled:
        (own / "there").touch()
    own.chmod(0o2775)
    if name == "staff" and filled:
        with pytest.raises(StorageError, match="other users may write into"):
            private_directory(own)
        assert stat.S_IMODE(own.stat().st_mode) == 0o2775
    else:
        private_directory(own)
        assert stat.S_IMODE(own.stat().st_mode) == 0o2755


def test_a_list_of_others_who_may_write_is_no_group_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _be_in_a_group(monkeypatch, "ann")
    own = tmp_path / "own"
    own.mkdir()
    (own / "there").touch()
    named = (0x02, 7, STRANGER)
    entries = [(0x01, 7, _ANY), named, (0x04, 5, _ANY), (0x10, 7, _ANY), (0x20, 5, _ANY)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    os.setxattr(own, "system.posix_acl_access", acl)
    assert own.stat().st_mode & stat.S_IWGRP
    with pytest.raises(StorageError, match="other users may write into"):
        private_directory(own)


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nothing")
    for name in ("file", "link"):
        with pytest.raises(StorageError, match=f"{name} is not a directory"):
            private_directory(tmp_path / name)


@pytest.mark.root
@pytest.mark.parametrize("which", ["root", "run"])
@pytest.mark.parametrize("laid", ["directory", "link", "link to nothing"])
def test_an_engine_believes_nothing_that_a_stranger_laid_in_its_way(
    tmp_path: Path, which: str, laid: str
) -> None:
    path = tmp_path / which
    if laid == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path if laid == "link" else "nothing")
    os.lchown(path, STRANGER, STRANGER)
    with pytest.raises(StorageError, match=rf"{which} belongs to another user \({STRANGER}\)"):
        Engine(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))

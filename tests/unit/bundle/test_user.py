"""Users by name and number, from files that a stranger wrote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.bundle.user import User, resolve
from ocinb.errors import UnknownUser

PASSWD = """\
# a comment
broken line
root:x:0:0:root:/root:/bin/sh
web:x:33:34:web server:/var/www:/bin/false
bad:x:-1:zero::/:
huge:x:99999999999:0::/:
web:x:77:77:a second one does not count:/:/
"""
GROUP = """\
root:x:0:
www:x:34:web
adm:x:4:root,web
audio:x:29: web , other
audio:x:29:web
odd:x:notanumber:web
"""


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text(GROUP)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("", User(uid=0, gid=0, home="/root")),
        ("root", User(uid=0, gid=0, additional_gids=(4,), home="/root")),
        ("web", User(uid=33, gid=34, additional_gids=(4, 29), home="/var/www")),
        ("web:adm", User(uid=33, gid=4, home="/var/www")),
        ("web:1234", User(uid=33, gid=1234, home="/var/www")),
        ("33", User(uid=33, gid=34, home="/var/www")),
        ("1000", User(uid=1000, gid=0)),
        ("1000:audio", User(uid=1000, gid=29)),
        ("4294967294:7", User(uid=4294967294, gid=7)),
    ],
)
def test_names_are_looked_up_and_numbers_are_taken(rootfs: Path, text: str, user: User) -> None:
    assert resolve(text, rootfs) == user


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nobody", "user 'nobody' is not in the image's etc/passwd"),
        ("bad", "user 'bad' is not"),
        ("huge", "user 'huge' is not"),
        ("web:nobody", "group 'nobody' is not in the image's etc/group"),
        ("web:odd", "group 'odd' is not"),
        ("4294967295", "has an id above 4294967294"),
        ("99999999999999999999", "has an id above"),
    ],
)
def test_who_is_not_there_is_an_error(rootfs: Path, text: str, message: str) -> None:
    with pytest.raises(UnknownUser, match=message) as caught:
        resolve(text, rootfs)
    assert caught.value.citation == "image-spec conversion.md#configuser"


def test_numbers_need_no_files(tmp_path: Path) -> None:
    assert resolve("5:6", tmp_path) == User(uid=5, gid=6)


@pytest.mark.parametrize("target", ["/../../../../etc/passwd", "/proc/self/root/etc/passwd"])
def test_a_link_out_of_the_tree_does_not_lead_out(tmp_path: Path, target: str) -> None:
    outside = tmp_path / "etc-of-host"
    outside.mkdir()
    root = tmp_path / "rootfs"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").symlink_to(target)
    with pytest.raises(UnknownUser):
        resolve("daemon", root)


def test_an_absolute_link_is_followed_inside_the_tree(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/passwd").write_text("me:x:7:8::/home/me:")
    (tmp_path / "etc/passwd").symlink_to("/usr/lib/passwd")
    assert resolve("me", tmp_path) == User(uid=7, gid=8, home="/home/me")


def test_a_fifo_in_the_place_of_passwd_does_not_hold_us(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    os.mkfifo(tmp_path / "etc/passwd")
    with pytest.raises(UnknownUser):
        resolve("me", tmp_path)


def test_a_file_without_end_is_read_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    with (tmp_path / "etc/passwd").open("wb") as file:
        file.write(b"me:x:7:8::/home/me:\n")
        file.truncate(1 << 40)
    assert resolve("me", tmp_path).uid == 7
    with pytest.raises(UnknownUser):
        resolve("you", tmp_path)


@given(data=st.binary(max_size=300), text=st.text(max_size=20))
def test_no_file_and_no_name_is_worse_than_an_unknown_user(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, text: str
) -> None:
    root = tmp_path_factory.mktemp("root")
    (root / "etc").mkdir()
    (root / "etc/passwd").write_bytes(data)
    (root / "etc/group").write_bytes(data)
    try:
        user = resolve(text, root)
    except UnknownUser:
        return
    assert 0 <= user.uid < 2**32 - 1
    assert 0 <= user.gid < 2**32 - 1

"""A lesson's room holds all that the lesson makes, and is gone when it ends or its kernel dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ocinb.course import room as rooms
from ocinb.course import shelf
from ocinb.course.exercises import lesson_04
from ocinb.course.needs import missing
from ocinb.course.room import sweep
from ocinb.errors import CommandError, UnsupportedHost
from ocinb.network import user_space
from tests.support.door import Door
from tests.support.own_network import links_and_tables, own_network
from tests.support.workplace import until

ROOT = Path(__file__).parents[2]
DIES = """
import os
from ocinb.course import shelf
from ocinb.course.room import Room
from ocinb.settings import Settings

room = Room(shelf.find("04"), Settings.from_environment())
print(room.directory, flush=True)
os._exit(9)
"""


class Reader:
    """Stands for a notebook."""

    def names(self):
        return {}

    def value(self, code):
        return getattr(lesson_04, code)


@pytest.fixture
def door(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("OCINB_PROGRESS", raising=False)
    door = Door(tmp_path / "before")
    door.session.reader = Reader()
    yield door
    if door.session.room:
        door("lesson", "end")


def test_everything_is_in_the_room_while_the_lesson_is_on(door, tmp_path):
    before = dict(os.environ)
    room = door("lesson", "begin", "4")
    assert room.directory.parent == tmp_path
    assert door("pull", room.image).name == room.image
    assert door("images", "--quiet") == [room.image]
    assert os.environ["OCINB_ROOT"] == str(room.settings.root) == f"{room.directory}/root"
    assert "✓ 04-chain" in door("check", "04-chain", script="_chain_ids")
    door("lesson", "end")
    assert not room.directory.exists()
    assert dict(os.environ) == before
    assert door("images", "--quiet") == []
    (row,) = [row for row in door("check").records() if row["lesson"] == "04"]
    assert row["exercises"] == "○●○"


def test_a_lesson_that_begins_ends_the_one_that_is_on(door):
    first = door("lesson", "begin", "04")
    second = door("lesson", "begin", "05")
    assert not first.directory.exists()
    assert second.directory.exists()
    with pytest.raises(CommandError, match="belongs to lesson 04"):
        door("check", "04-delete")


def test_a_lesson_that_cannot_begin_leaves_nothing(door, tmp_path, monkeypatch):
    def refused(_store):
        raise UnsupportedHost("there is no shell on this machine")

    monkeypatch.setattr(rooms, "demo_image", refused)
    before = dict(os.environ)
    with pytest.raises(UnsupportedHost, match="no shell"):
        door("lesson", "begin", "04")
    assert list(tmp_path.glob("ocinb-room-*")) == []
    assert dict(os.environ) == before
    assert door.session.room is None


def test_the_room_of_a_kernel_that_was_killed_goes_when_the_next_lesson_begins(
    door, tmp_path, monkeypatch
):
    done = subprocess.run(
        [sys.executable, "-c", DIES],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    left = Path(done.stdout.strip())
    assert done.returncode == 9, done.stderr
    assert left.is_dir()
    alive = door("lesson", "begin", "04")
    assert not left.exists()
    sweep()
    assert alive.directory.exists()


@pytest.mark.root
def test_what_a_hook_made_for_a_bundle_that_no_engine_ran_goes_with_the_room(door):
    with own_network():
        room = door("lesson", "begin", "04")
        door("pull", room.image)
        bundle = room.directory / "bundle"
        door("bundle", "create", "--network", "bridge", room.image, str(bundle))
        (hook,) = json.loads((bundle / "config.json").read_text())["hooks"]["createRuntime"]
        with subprocess.Popen(["unshare", "--net", "sleep", "60"]) as process:
            mine, theirs = (f"/proc/{who}/ns/net" for who in ("thread-self", process.pid))
            until(lambda: os.readlink(mine) != os.readlink(theirs))
            state = json.dumps({"id": "by-hand", "pid": process.pid})
            subprocess.run(hook["args"], input=state, text=True, check=True)
            process.kill()
        assert any(what.startswith("table") for what in links_and_tables())
        door("lesson", "end")
        until(lambda: links_and_tables() == [])


def test_what_is_no_room_of_ours_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "owner.json").write_text('{"pid": 1, "started": 1}')
    (tmp_path / "ocinb-room-link").symlink_to(mine)
    (tmp_path / "ocinb-room-empty").mkdir()
    sweep()
    assert (mine / "owner.json").exists()
    assert (tmp_path / "ocinb-room-empty").exists()


@pytest.mark.root
def test_what_needs_the_other_end_of_an_interface_is_live_where_that_device_opens(
    door, tmp_path, monkeypatch
):
    engine = door.session.engine
    monkeypatch.setattr(user_space, "_TUN", "/dev/null")
    assert missing(["tun"], engine) == ""
    monkeypatch.setattr(user_space, "_TUN", str(tmp_path / "none"))
    assert missing(["tun"], engine) == f"{tmp_path}/none: no such file or directory"


def test_every_lesson_can_be_found_by_number_and_by_name():
    for lesson in shelf.lessons():
        assert shelf.find(lesson.number) == lesson
        assert shelf.find(lesson.file) == lesson

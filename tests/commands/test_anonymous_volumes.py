"""Volumes that an image asks for: they are listed, and go with the container or stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.errors import VolumeError
from tests.support.archives import directory, member, symlink
from tests.support.door import Door, open_door
from tests.support.layered import name_image
from tests.support.peers import require
from tests.support.workplace import until

pytestmark = pytest.mark.root


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """The image ``box`` asks for volumes at /data, where it has a file, and at /more."""
    with open_door(tmp_path) as door:
        members = [
            directory("bin"),
            member("bin/busybox", data=Path(require("busybox")).read_bytes(), mode=0o755),
            symlink("bin/sh", "busybox"),
            directory("data"),
            member("data/first", data=b"from the image\n"),
        ]
        config = {"Env": ["PATH=/bin"], "Volumes": {"/data": {}, "/more": {}}}
        store = Store(door.session.settings.store)
        name_image(store, "docker.io/library/box:latest", [members], config=config)
        yield door


def volumes(door: Door) -> list[tuple[str, str]]:
    rows = door("volume", "ls").records()
    assert all(len(row["name"]) == 64 for row in rows)
    return [(row["used_by"], row["anonymous"]) for row in rows]


def write(door: Door, *options: str) -> None:
    door("run", *options, "box", "sh", "-c", "echo x > /data/second")


def test_they_are_listed_under_the_container_that_has_them(door: Door) -> None:
    write(door, "--name", "c")
    assert volumes(door) == [("c", "yes")] * 2
    found = [door("volume", "inspect", name) for name in door("volume", "ls", "--quiet")]
    content = sorted(sorted(p.name for p in Path(one["path"]).iterdir()) for one in found)
    assert content == [[], ["first", "second"]]
    name = found[0]["name"]
    with pytest.raises(VolumeError, match="is used by c"):
        door("volume", "rm", name)
    with pytest.raises(VolumeError, match=f"volume {name} goes with container c"):
        door("run", "--rm", "-v", f"{name}:/x", "box", "sh")
    door("start", "--attach", "c")  # on the same volumes


def test_one_that_is_removed_by_force_takes_its_container_along(door: Door) -> None:
    write(door, "--name", "c")
    first, second = door("volume", "ls", "--quiet")
    assert door("volume", "rm", "--force", first).message == f"volume {first} is removed"
    assert door("ps", "--all", "--quiet") == []
    assert door("volume", "ls", "--quiet") == [second]
    with pytest.raises(VolumeError, match="there is no volume nothing"):
        door("volume", "rm", "-f", "nothing")


@pytest.mark.parametrize("force", [True, False])
def test_they_stay_unless_they_are_asked_for(door: Door, force: bool) -> None:
    write(door, "--name", "c")
    door("rm", *(["--force"] if force else []), "c")
    assert volumes(door) == [("", "yes")] * 2
    kept = {tuple(sorted(p.name for p in Path(path).iterdir()))
            for path in door("volume", "ls").column("path")}  # fmt: skip
    assert kept == {(), ("first", "second")}
    name = door("volume", "ls", "--quiet")[0]
    door("run", "--rm", "-v", f"{name}:/kept", "box", "sh", "-c", "busybox ls /kept")
    until(lambda: volumes(door) == [("", "yes")] * 2)
    assert len(door("prune", "--volumes").records()) == 2
    assert volumes(door) == []


def test_they_go_with_rm_and_with_what_is_run_once(door: Door) -> None:
    write(door, "--name", "c")
    door("rm", "--volumes", "c")
    assert volumes(door) == []
    write(door, "--rm")
    until(lambda: volumes(door) == [])
    door("run", "--rm", "-d", "--name", "d", "box", "sh", "-c", "exec busybox sleep 1000")
    assert volumes(door) == [("d", "yes")] * 2
    door("kill", "d")
    until(lambda: volumes(door) == [])


def test_those_of_the_person_are_not_touched(door: Door) -> None:
    write(door, "--name", "c", "-v", "mine:/data")
    door("rm", "--volumes", "c")
    assert door("volume", "ls").column("name") == ["mine"]
    assert door("volume", "inspect", "mine")["anonymous"] is False

"""``diff CONTAINER``: what the container has changed, and nothing that the engine made for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.content.store import Store
from tests.support.archives import directory, member, symlink
from tests.support.door import Door, open_door
from tests.support.layered import name_image
from tests.support.peers import require

pytestmark = pytest.mark.root


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """The image ``bare`` has nothing but busybox: every place for a mount must be made."""
    with open_door(tmp_path) as door:
        members = [
            directory("bin"),
            member("bin/busybox", data=Path(require("busybox")).read_bytes(), mode=0o755),
            symlink("bin/sh", "busybox"),
            directory("kept"),
        ]
        store = Store(door.session.settings.store)
        config = {"Env": ["PATH=/bin"], "Volumes": {"/data/inner": {}}}
        name_image(store, "docker.io/library/bare:latest", [members], config=config)
        yield door


def files(door: Door, *words: str) -> list[tuple[str, str]]:
    rows = door("diff", "--only", "file", *words).records()
    return [(row["change"], row["name"]) for row in rows]


@pytest.mark.parametrize("options", [(), ("--network", "bridge", "--add-host", "a:10.0.0.1")])
def test_places_that_were_made_for_mounts_are_no_changes(
    door: Door, options: tuple[str, ...]
) -> None:
    options = (*options, "-v", f"{door.session.settings.root}:/srv/host/root:ro")
    door("run", "--name", "still", *options, "bare", "sh", "-c", ":")
    assert files(door, "still") == []
    assert files(door, "--times", "still") == []


def test_what_is_put_beside_or_into_them_is_one(door: Door) -> None:
    script = "echo x > /etc/own; busybox mkdir /srv; busybox rmdir /kept; echo y > /data/beside"
    door("run", "--name", "busy", "--network", "bridge", "bare", "sh", "-c", script)
    assert files(door, "busy") == [
        ("added", "/data"),
        ("added", "/data/beside"),
        ("added", "/etc"),
        ("added", "/etc/own"),
        ("removed", "/kept"),
        ("added", "/srv"),
    ]

"""Names of images: several for one, and short ones for what came from any registry."""

from __future__ import annotations

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.errors import CommandError, InvalidReference, NameNotFound
from tests.support.door import Door

PULLED = "localhost:5000/team/demo:latest"


@pytest.fixture
def door(tmp_path):
    door = Door(tmp_path)
    store = Store(door.session.settings.store)
    store.names.set(PULLED, demo_image(store))
    return door


def names(door: Door) -> list[str]:
    return door("images", "--quiet")


def test_an_image_has_as_many_names_as_it_is_given(door):
    done = door("tag", PULLED, "mine:1.0")
    assert (done.subject, done.message) == (
        "docker.io/library/mine:1.0",
        "mine:1.0 is the same image as localhost:5000/team/demo",
    )
    assert door("tag", "mine:1.0", "a", "ghcr.io/b") == [
        "docker.io/library/a:latest",
        "ghcr.io/b:latest",
    ]
    assert sorted(names(door)) == ["a", "ghcr.io/b", "localhost:5000/team/demo", "mine:1.0"]
    assert len(set(door("images").column("digest"))) == 1


def test_nothing_is_named_where_one_of_the_names_is_none(door):
    for wrong in ("demo@sha256:" + "0" * 64, "Upper"):
        with pytest.raises((CommandError, InvalidReference)):
            door("tag", PULLED, "fine", wrong)
    with pytest.raises(NameNotFound):
        door("tag", "not-there", "fine")
    assert names(door) == ["localhost:5000/team/demo"]

"""Names of images: several for one, and short ones for what came from any registry."""

from __future__ import annotations

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.errors import (
    AmbiguousName,
    CommandError,
    ContainerError,
    InvalidReference,
    NameNotFound,
)
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


def test_what_was_pulled_from_anywhere_is_called_by_its_short_name(door):
    whole = "localhost:5000/team/demo:latest"
    assert door("inspect", "demo")["name"] == whole
    assert len(door("layers", "demo")) == len(door("layers", whole))
    assert b"ocinb demo" in bytes(door("cat", "demo:/etc/os-release").content())
    assert door("manifest", "demo").title.endswith(door("images").column("digest")[0])
    assert door("graph", "demo").table.title == "what localhost:5000/team/demo leads to"
    door("annotate", "demo", "a=b")
    assert names(door) == ["localhost:5000/team/demo"], "it is changed under the name that it has"
    with pytest.raises(NameNotFound):
        door("inspect", "docker.io/demo")


def test_a_name_that_may_mean_several_is_not_guessed_nor_fetched(door):
    door("tag", "demo", "ghcr.io/demo")
    for words in (["inspect", "demo"], ["run", "demo", "true"], ["rmi", "demo"], ["push", "demo"]):
        with pytest.raises(AmbiguousName) as caught:
            door(*words)
        assert caught.value.message == (
            "demo could be any of ghcr.io/demo:latest, localhost:5000/team/demo:latest"
        )
    assert door("rmi", "team/demo").column("image") == ["localhost:5000/team/demo:latest"]
    assert door("rmi", "demo").column("image") == ["ghcr.io/demo:latest"]


@pytest.mark.root
def test_an_image_in_use_stays_until_its_containers_are_gone(door):
    door("run", "--name", "one", "demo", "true")
    door("run", "--detach", "--name", "two", "demo", "sleep", "1000")
    with pytest.raises(ContainerError) as caught:
        door("rmi", "demo")
    assert caught.value.message == "localhost:5000/team/demo is in use by one, two"
    assert caught.value.hint == "ocinb rm them first; ocinb rmi --force demo does both"
    door("tag", "demo", "other:1")
    door("rmi", "team/demo")  # another name is left to it
    with pytest.raises(ContainerError, match=r"other:1 is in use by one, two"):
        door("rmi", "other:1")
    assert "other:1" in names(door)
    door("prune", "--all", "images")
    assert "other:1" in names(door)
    door("start", "--attach", "one")  # it can still be run again
    door("rmi", "--force", "other:1")
    assert (names(door), door("ps", "--all", "--quiet")) == ([], [])

"""Which image is meant by a name without a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.content.short_names import resolve
from ocinb.content.store import Store
from ocinb.errors import AmbiguousName, InvalidReference
from ocinb.spec import media_types


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def name(store: Store, *names: str) -> None:
    manifest = store.add(b"{}", media_types.IMAGE_MANIFEST)
    for each in names:
        store.names.set(each, manifest)


@pytest.mark.parametrize(
    ("there", "typed", "meant"),
    [
        ([], "demo", "docker.io/library/demo:latest"),
        (["localhost:5000/demo:latest"], "demo", "localhost:5000/demo:latest"),
        (["localhost:5000/demo:latest"], "demo:latest", "localhost:5000/demo:latest"),
        (["localhost:5000/demo:latest"], "demo:1.0", "docker.io/library/demo:1.0"),
        (["localhost:5000/demo:latest"], "docker.io/demo", "docker.io/library/demo:latest"),
        (["localhost:5000/demo:latest"], "ghcr.io/demo", "ghcr.io/demo:latest"),
        (["localhost:5000/team/demo:1"], "demo:1", "localhost:5000/team/demo:1"),
        (["localhost:5000/team/demo:1"], "team/demo:1", "localhost:5000/team/demo:1"),
        (["localhost:5000/team/demo:1"], "eam/demo:1", "docker.io/eam/demo:1"),
        (["localhost:5000/mydemo:latest"], "demo", "docker.io/library/demo:latest"),
        (["ghcr.io/a/b:1", "docker.io/library/b:1"], "b:1", "docker.io/library/b:1"),
        (["ghcr.io/a/b:1", "localhost/b:1"], "b:1", "localhost/b:1"),
        (["ghcr.io/library/b:1"], "library/b:1", "ghcr.io/library/b:1"),
    ],
)
def test_what_is_there_and_can_be_nothing_else_is_meant(store, there, typed, meant):
    name(store, *there)
    assert resolve(store.names, typed) == meant


def test_of_several_none_is_guessed(store):
    name(store, "ghcr.io/a/b:latest", "localhost:5000/b:latest")
    with pytest.raises(AmbiguousName) as error:
        resolve(store.names, "b")
    assert error.value.message == ("b could be any of ghcr.io/a/b:latest, localhost:5000/b:latest")
    assert resolve(store.names, "a/b") == "ghcr.io/a/b:latest"


def test_what_is_no_name_is_said_to_be_none(store):
    name(store, "localhost:5000/demo:latest")
    with pytest.raises(InvalidReference):
        resolve(store.names, "Demo")

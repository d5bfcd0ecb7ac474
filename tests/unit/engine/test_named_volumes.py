"""Volumes by name: made whole, filled once, never taken from who uses them."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from ocinb.engine.named_volumes import NamedVolumes
from ocinb.errors import StorageError, VolumeError


@pytest.fixture
def volumes(tmp_path: Path) -> NamedVolumes:
    return NamedVolumes(tmp_path / "volumes", tmp_path / "containers")


def fill(directory: Path) -> None:
    directory.mkdir()
    (directory / "seed").write_text("first")


def used(tmp_path: Path, container: str, *names: str) -> None:
    directory = tmp_path / "containers" / container
    directory.mkdir(parents=True)
    document = {"id": container, "name": container, "volumes": names}
    (directory / "container.json").write_text(json.dumps(document))


def test_a_volume_is_filled_when_it_is_empty_and_not_again(volumes: NamedVolumes) -> None:
    data = volumes.use("v", fill)
    assert (data / "seed").read_text() == "first"
    (data / "seed").write_text("changed")
    assert (volumes.use("v", fill) / "seed").read_text() == "changed"
    assert volumes.use("w", None).is_dir()
    assert list(volumes.use("w", None).iterdir()) == []


def test_a_fill_that_fails_leaves_an_empty_volume_and_is_tried_again(
    volumes: NamedVolumes,
) -> None:
    def fails(directory: Path) -> None:
        fill(directory)
        raise StorageError("no space left on device")

    with pytest.raises(StorageError):
        volumes.use("v", fails)
    assert list(volumes.get("v").path.iterdir()) == []
    assert (volumes.use("v", fill) / "seed").exists()
    around = volumes.get("v").path.parent
    assert sorted(path.name for path in around.iterdir()) == ["data", "volume.json"]


def test_an_empty_volume_that_another_container_has_mounted_stays_that(
    volumes: NamedVolumes, tmp_path: Path
) -> None:
    volumes.create("v")
    used(tmp_path, "one", "v")
    used(tmp_path, "two", "v")
    inode = volumes.get("v").path.stat().st_ino
    volumes.use("v", fill)
    assert volumes.get("v").path.stat().st_ino == inode


def test_many_at_once_fill_it_once(volumes: NamedVolumes) -> None:
    filled = []

    def slowly(directory: Path) -> None:
        filled.append(directory)
        fill(directory)

    threads = [threading.Thread(target=volumes.use, args=("v", slowly)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(filled) == 1


def test_what_is_used_stays_and_its_users_are_named(volumes: NamedVolumes, tmp_path: Path) -> None:
    volumes.create("v", {"a": "b"})
    volumes.create("w")
    used(tmp_path, "one", "v")
    assert [(v.name, v.used_by) for v in volumes.all()] == [("v", ("one",)), ("w", ())]
    assert dict(volumes.get("v").labels) == {"a": "b"}
    with pytest.raises(VolumeError, match="volume v is used by one"):
        volumes.remove("v")
    assert volumes.prune() == ["w"]
    assert [volume.name for volume in volumes.all()] == ["v"]


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "..", ".hidden", "", "x\n", "x" * 256, "-x"])
def test_names_stay_in_the_directory(volumes: NamedVolumes, tmp_path: Path, name: str) -> None:
    for action in (volumes.get, volumes.remove, lambda n: volumes.use(n, fill)):
        with pytest.raises(VolumeError):
            action(name)
    if name:
        with pytest.raises(VolumeError):
            volumes.create(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["volumes"]

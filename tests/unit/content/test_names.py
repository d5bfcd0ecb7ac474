"""Names of images are entries of the layout's index.json."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.errors import BlobNotFound, InvalidDocument, NameNotFound
from ocinb.events import ImageNamed, Recorder
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor, describe
from ocinb.spec.platform import Platform

NAME = "localhost:5000/demo:1.0"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def manifest(store: Store) -> Descriptor:
    return store.add(b'{"schemaVersion":2}', media_types.IMAGE_MANIFEST)


def test_a_name_points_at_what_it_was_set_to(store: Store, manifest: Descriptor) -> None:
    store.names.set(NAME, manifest)
    assert store.names.get(NAME) == manifest
    assert store.names.items() == [(NAME, manifest)]
    assert NAME in store.names
    assert len(store.names) == 1


def test_setting_again_replaces(store: Store, manifest: Descriptor) -> None:
    other = store.add(b"{}", media_types.IMAGE_INDEX)
    store.names.set(NAME, manifest)
    store.names.set("b:1", manifest)
    store.names.set(NAME, other)
    assert dict(store.names.items()) == {NAME: other, "b:1": manifest}


def test_platform_and_annotations_of_the_descriptor_are_kept(
    store: Store, manifest: Descriptor
) -> None:
    full = describe(
        b'{"schemaVersion":2}',
        media_types.IMAGE_MANIFEST,
        annotations={"a": "b"},
        platform=Platform(os="linux", architecture="arm64", variant="v8"),
    )
    store.names.set(NAME, full)
    assert store.names.get(NAME) == full


def test_the_entry_is_readable_by_other_tools(store: Store, manifest: Descriptor) -> None:
    store.names.set(NAME, manifest)
    (entry,) = json.loads((store.root / "index.json").read_bytes())["manifests"]
    assert entry == {
        "mediaType": media_types.IMAGE_MANIFEST,
        "digest": manifest.digest,
        "size": manifest.size,
        "annotations": {
            "io.containerd.image.name": NAME,
            "org.opencontainers.image.ref.name": NAME,
        },
    }


def test_what_other_tools_wrote_survives(store: Store, manifest: Descriptor) -> None:
    foreign = {
        "mediaType": "application/xml",
        "digest": manifest.digest,
        "size": manifest.size,
        "com.example.unknown": 1,
    }
    tagged = {**foreign, "annotations": {"org.opencontainers.image.ref.name": "v1.0"}}
    document = {"schemaVersion": 2, "manifests": [foreign, tagged], "com.example": {"x": []}}
    (store.root / "index.json").write_text(json.dumps(document))
    assert [name for name, _ in store.names.items()] == ["v1.0"]
    store.names.set(NAME, manifest)
    store.names.remove(NAME)
    assert json.loads((store.root / "index.json").read_bytes()) == document
    assert len(store.names.roots()) == 2


def test_a_removed_name_is_gone_and_its_blob_is_not(store: Store, manifest: Descriptor) -> None:
    store.names.set(NAME, manifest)
    store.names.remove(NAME)
    assert NAME not in store.names
    assert store.has(manifest.digest)
    with pytest.raises(NameNotFound, match=NAME):
        store.names.get(NAME)
    with pytest.raises(NameNotFound, match=NAME):
        store.names.remove(NAME)


def test_a_name_never_points_at_nothing(store: Store) -> None:
    with pytest.raises(BlobNotFound):
        store.names.set(NAME, describe(b"not there", media_types.IMAGE_MANIFEST))
    assert store.names.items() == []


def test_naming_is_an_event(tmp_path: Path) -> None:
    recorder = Recorder()
    store = Store(tmp_path, recorder)
    manifest = store.add(b"{}", media_types.IMAGE_MANIFEST)
    store.names.set(NAME, manifest)
    (event,) = recorder.of(ImageNamed)
    assert (event.name, event.digest) == (NAME, manifest.digest)


def test_an_index_that_is_not_one_is_an_error(store: Store, manifest: Descriptor) -> None:
    (store.root / "index.json").write_text('{"manifests": 5}')
    with pytest.raises(InvalidDocument):
        store.names.items()
    with pytest.raises(InvalidDocument):
        store.names.set(NAME, manifest)


def _name_many(root: Path, who: int) -> None:
    store = Store(root)
    manifest = store.add(b"{}", media_types.IMAGE_MANIFEST)
    for number in range(10):
        store.names.set(f"r/{who}:{number}", manifest)


def test_several_processes_name_at_once(store: Store) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_name_many, args=(store.root, who)) for who in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len(store.names) == 30

"""Changing images: append, squash, rebase, annotate, and what survives all of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocinb.build.draft import Draft, Written
from ocinb.build.operations import append_directory, append_file, rebase, squash
from ocinb.build.rewrite import annotate, rewrite
from ocinb.errors import BuildError, InvalidDocument, LayerError
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform
from tests.support.images import layer, make_image, make_index
from tests.support.kitchen import Kitchen


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    made = Kitchen(tmp_path)
    for name in ("a", "b", "c"):
        (made.context / name).write_text(name * 100)
    return made


def changed(kitchen: Kitchen, image: Descriptor, change: Callable[[Draft], object]) -> Written:
    draft = Draft.load(kitchen.store, image)
    change(draft)
    return draft.write(kitchen.store)


def document(kitchen: Kitchen, descriptor: Descriptor) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kitchen.store.read(descriptor))
    return found


class TestAppend:
    @pytest.mark.parametrize("compressed", [False, True])
    def test_an_archive_is_taken_as_it_is(
        self, kitchen: Kitchen, tmp_path: Path, compressed: bool
    ) -> None:
        archive = layer({"new/file": b"x", ".wh.a": b""})
        data = gzip.compress(archive) if compressed else archive
        (tmp_path / "x.tar").write_bytes(data)
        base = kitchen.build("FROM scratch\nCOPY a b /")
        image = changed(
            kitchen, base.descriptor, lambda d: append_file(kitchen.store, d, tmp_path / "x.tar")
        )
        added = image.manifest.layers[-1]
        with kitchen.store.open(added.digest) as blob:
            assert blob.read() == data
        assert added.media_type.endswith("gzip") is compressed
        assert kitchen.paths(image) == ["b", "new/", "new/file"]

    def test_what_is_no_archive_is_refused(self, kitchen: Kitchen, tmp_path: Path) -> None:
        before = set(kitchen.store.digests())
        (tmp_path / "x.tar").write_bytes(b"nothing of the kind" * 100)
        with pytest.raises(LayerError):
            append_file(kitchen.store, Draft.scratch(Platform.host()), tmp_path / "x.tar")
        assert set(kitchen.store.digests()) == before

    def test_a_directory_is_packed(self, kitchen: Kitchen) -> None:
        draft = Draft.scratch(Platform.host())
        append_directory(kitchen.store, draft, kitchen.context)
        assert kitchen.paths(draft.write(kitchen.store)) == ["a", "b", "c"]


class TestSquash:
    TEXT = "FROM scratch\nCOPY a /x/a\nCOPY b /x/b\nENV A=1\nCOPY c /c"

    def test_one_layer_shows_the_same(self, kitchen: Kitchen) -> None:
        image = kitchen.build(self.TEXT)
        flat = changed(kitchen, image.descriptor, lambda d: squash(kitchen.work, d))
        assert len(flat.manifest.layers) == 1
        assert kitchen.paths(flat) == kitchen.paths(image)
        assert flat.config.execution == image.config.execution
        assert [h.empty_layer for h in flat.config.history or ()] == [True] * 4 + [None]

    def test_the_lowest_can_stay(self, kitchen: Kitchen) -> None:
        image = kitchen.build(self.TEXT)
        flat = changed(kitchen, image.descriptor, lambda d: squash(kitchen.work, d, keep=1))
        assert flat.manifest.layers[0] == image.manifest.layers[0]
        assert len(flat.manifest.layers) == 2
        assert kitchen.paths(flat) == kitchen.paths(image)

    def test_what_was_deleted_is_gone(self, kitchen: Kitchen, tmp_path: Path) -> None:
        (tmp_path / "x.tar").write_bytes(layer({".wh.x": b""}))
        image = kitchen.build(self.TEXT).descriptor
        image = changed(
            kitchen, image, lambda d: append_file(kitchen.store, d, tmp_path / "x.tar")
        ).descriptor
        flat = changed(kitchen, image, lambda d: squash(kitchen.work, d))
        assert kitchen.paths(flat) == ["c"]
        with kitchen.store.open(flat.manifest.layers[0].digest) as blob:
            assert b".wh." not in gzip.decompress(blob.read())

    def test_twice_is_the_same(self, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000")
        image = kitchen.build(self.TEXT).descriptor
        made = [changed(kitchen, image, lambda d: squash(kitchen.work, d)) for _ in "12"]
        assert made[0].descriptor == made[1].descriptor

    def test_more_than_there_are_cannot_stay(self, kitchen: Kitchen) -> None:
        image = kitchen.build("FROM scratch\nCOPY a /").descriptor
        with pytest.raises(BuildError, match="the image has 1 layers"):
            changed(kitchen, image, lambda d: squash(kitchen.work, d, keep=1))


class TestRebase:
    def test_own_layers_come_on_the_new_base(self, kitchen: Kitchen) -> None:
        old = kitchen.build("FROM scratch\nCOPY a /old")
        new = kitchen.build("FROM scratch\nCOPY b /new\nENV FROM_NEW=1")
        kitchen.name(old, "old")
        image = kitchen.build("FROM old\nENV OWN=1\nCOPY c /own")
        bases = [Draft.load(kitchen.store, base.descriptor) for base in (old, new)]
        moved = changed(kitchen, image.descriptor, lambda d: rebase(d, *bases, name="new"))
        assert kitchen.paths(moved) == ["new", "own"]
        assert [h.created_by for h in moved.config.history or ()] == [
            "COPY b /new",
            "ENV FROM_NEW=1",
            "ENV OWN=1",
            "COPY c /own",
        ]
        assert moved.config.execution == image.config.execution
        assert (moved.manifest.annotations or {})["org.opencontainers.image.base.name"] == "new"

    def test_another_base_than_it_has_is_refused(self, kitchen: Kitchen) -> None:
        one, two = (kitchen.build(f"FROM scratch\nCOPY {name} /") for name in "ab")
        other = Draft.load(kitchen.store, two.descriptor)
        with pytest.raises(BuildError, match="are not those of the old base"):
            changed(kitchen, one.descriptor, lambda d: rebase(d, other, other))

    def test_a_build_says_on_what_it_was_built(self, kitchen: Kitchen) -> None:
        base = kitchen.build("FROM scratch\nCOPY a /")
        kitchen.name(base, "base:2")
        image = kitchen.build("FROM base:2 AS x\nFROM x\nENV A=1")
        assert image.manifest.annotations == {
            "org.opencontainers.image.base.digest": base.descriptor.digest,
            "org.opencontainers.image.base.name": "docker.io/library/base:2",
        }


class TestIndexes:
    """An index around the image that is changed."""

    def _index(self, kitchen: Kitchen) -> tuple[Descriptor, list[Descriptor]]:
        images = {
            name: make_image(kitchen.store, 10, architecture=name) for name in ("amd64", "s390x")
        }
        index = document(kitchen, make_index(kitchen.store, images))
        index["com.example"] = ["kept"]
        index["manifests"][0] |= {"annotations": {"a": "b"}, "strange": 1}
        data = json.dumps(index).encode()
        return kitchen.store.add(data, media_types.IMAGE_INDEX), list(images.values())

    def test_only_what_changed_changes(self, kitchen: Kitchen) -> None:
        index, (amd64, _) = self._index(kitchen)
        made = rewrite(kitchen.store, index, amd64, lambda d: d.annotate({"x": "y"}))
        before, after = document(kitchen, index), document(kitchen, made)
        assert after["com.example"] == ["kept"]
        assert after["manifests"][1] == before["manifests"][1]
        first = after["manifests"][0]
        assert first["digest"] != amd64.digest
        assert {k: first[k] for k in ("platform", "annotations", "strange")} == {
            k: before["manifests"][0][k] for k in ("platform", "annotations", "strange")
        }

    def test_an_index_in_an_index(self, kitchen: Kitchen) -> None:
        index, (amd64, _) = self._index(kitchen)
        outer = make_index(kitchen.store, {"amd64": index})
        made = rewrite(kitchen.store, outer, amd64, lambda d: d.annotate({"x": "y"}))
        (inner,) = document(kitchen, made)["manifests"]
        assert inner["mediaType"] == media_types.IMAGE_INDEX
        assert inner["digest"] != index.digest

    def test_an_image_that_it_does_not_list(self, kitchen: Kitchen) -> None:
        index, _ = self._index(kitchen)
        with pytest.raises(InvalidDocument, match="does not list"):
            rewrite(kitchen.store, index, make_image(kitchen.store, 3), lambda _: None)

    def test_annotations_of_the_index_itself(self, kitchen: Kitchen) -> None:
        index, _ = self._index(kitchen)
        made = annotate(kitchen.store, index, {"a": "1", "b": None})
        assert document(kitchen, made)["annotations"] == {"a": "1"}
        assert document(kitchen, made)["manifests"] == document(kitchen, index)["manifests"]
        gone = annotate(kitchen.store, made, {"a": None})
        assert "annotations" not in document(kitchen, gone)


def test_a_docker_image_becomes_an_oci_image(kitchen: Kitchen) -> None:
    image = make_image(kitchen.store, 5, docker=True)
    made = changed(kitchen, image, lambda d: d.annotate({"a": "b"}))
    assert made.descriptor.media_type == media_types.IMAGE_MANIFEST
    assert made.manifest.config.media_type == media_types.IMAGE_CONFIG
    assert [found.media_type for found in made.manifest.layers] == [media_types.LAYER_GZIP]
    before = Manifest.parse(kitchen.store.read(image)).config
    assert document(kitchen, made.manifest.config) == document(kitchen, before)


def test_fields_that_nobody_knows_stay(kitchen: Kitchen) -> None:
    image = document(kitchen, make_image(kitchen.store, 5))
    image |= {"com.example": {"deep": [1, {"er": None}]}, "annotations": {"x": "y"}}
    image["layers"][0]["strange"] = True
    image["config"]["strange"] = 2
    descriptor = kitchen.store.add(json.dumps(image).encode(), media_types.IMAGE_MANIFEST)
    made = changed(kitchen, descriptor, lambda d: d.annotate({"z": "1"}))
    after = document(kitchen, made.descriptor)
    assert after["com.example"] == image["com.example"]
    assert after["layers"] == image["layers"]
    assert after["config"] == image["config"]
    assert after["annotations"] == {"x": "y", "z": "1"}

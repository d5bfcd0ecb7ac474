"""Loading and saving archives: OCI layouts, docker save old and new, and hostile ones."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from ocinb.content.load import load
from ocinb.content.save import save
from ocinb.content.store import Store
from ocinb.content.verify import faults
from ocinb.errors import (
    BlobNotFound,
    ContentError,
    DigestMismatch,
    DocumentError,
    NameNotFound,
    OcinbError,
    SizeMismatch,
    StorageError,
)
from ocinb.spec import media_types
from ocinb.spec.digest import digest_of
from ocinb.spec.manifest import Manifest
from tests.support.images import layer, make_image, make_index

NAME = "localhost:5000/team/app:1.0"


@pytest.fixture
def source(tmp_path: Path) -> Store:
    store = Store(tmp_path / "source")
    store.names.set(NAME, make_image(store, 50_000, 30))
    images = {name: make_image(store, 100, architecture=name) for name in ("amd64", "arm64")}
    store.names.set("docker.io/library/multi:2", make_index(store, images))
    return store


@pytest.fixture
def target(tmp_path: Path) -> Store:
    return Store(tmp_path / "target")


def tar(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for name, where in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, where
            archive.addfile(entry)
    return path


def test_saved_images_are_loaded_again(source: Store, target: Store, tmp_path: Path) -> None:
    names = [name for name, _ in source.names.items()]
    size = save(source, names, tmp_path / "images.tar")
    assert size == (tmp_path / "images.tar").stat().st_size
    assert load(target, tmp_path / "images.tar") == names
    assert target.names.items() == source.names.items()
    assert set(target.digests()) == set(source.digests())
    assert list(faults(target)) == []


def test_an_archive_has_the_directories_of_a_layout(source: Store, tmp_path: Path) -> None:
    """Spec: image-spec image-layout.md#content (oci-image-tool looks for ``blobs``)"""
    save(source, [NAME], tmp_path / "images.tar")
    with tarfile.open(tmp_path / "images.tar") as archive:
        members = archive.getmembers()
    assert [m.name for m in members if m.isdir()] == ["blobs", "blobs/sha256"]
    assert members[0].name == "blobs"
    assert {m.name for m in members if "/" not in m.name and m.isfile()} == {
        "index.json",
        "manifest.json",
        "oci-layout",
    }


def test_saving_twice_gives_the_same_bytes(source: Store, tmp_path: Path) -> None:
    for number in (1, 2):
        save(source, [NAME], tmp_path / f"{number}.tar")
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


@pytest.mark.parametrize("suffix", ["tar.gz", "tar.bz2", "tar.xz"])
def test_a_compressed_archive(source: Store, target: Store, tmp_path: Path, suffix: str) -> None:
    save(source, [NAME], tmp_path / "plain.tar")
    path = tmp_path / f"images.{suffix}"
    with tarfile.open(tmp_path / "plain.tar") as plain:
        mode = f"w:{suffix.split('.')[1]}"
        with tarfile.open(path, mode) as compressed:
            for entry in plain:
                compressed.addfile(entry, plain.extractfile(entry))
    assert load(target, path) == [NAME]


def test_a_directory(source: Store, target: Store) -> None:
    assert set(load(target, source.root)) == {NAME, "docker.io/library/multi:2"}


def test_a_tag_alone_takes_the_name_of_the_file(
    source: Store, target: Store, tmp_path: Path
) -> None:
    document = json.loads((source.root / "index.json").read_bytes())
    document["manifests"] = document["manifests"][:1]
    document["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (source.root / "index.json").write_text(json.dumps(document))
    assert load(target, source.root) == ["localhost/source:v1"]
    assert load(target, source.root, name="ghcr.io/me/app") == ["ghcr.io/me/app:v1"]
    del document["manifests"][0]["annotations"]
    (source.root / "index.json").write_text(json.dumps(document))
    assert load(target, source.root) == ["localhost/source:latest"]


def test_an_index_may_come_with_some_platforms_only(
    source: Store, target: Store, tmp_path: Path
) -> None:
    index = source.names.get("docker.io/library/multi:2")
    absent = json.loads(source.read(index))["manifests"][1]["digest"]
    source.path(absent and digest(absent)).unlink()
    assert "docker.io/library/multi:2" in load(target, source.root)
    assert not target.has(digest(absent))


def digest(text: str):
    from ocinb.spec.digest import Digest

    return Digest(text)


def docker_save(tmp_path: Path, *, compressed: bool = False, linked: bool = False) -> Path:
    """As ``docker save`` wrote it before version 25."""
    layers = [layer({"a": b"1" * 5000}), layer({"b": b"2"})]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(data) for data in layers]},
    }
    data = json.dumps(config).encode()
    shown = [gzip.compress(x, mtime=0) if compressed else x for x in layers]
    manifest = [
        {
            "Config": f"{digest_of(data).encoded}.json",
            "RepoTags": ["app:1", "localhost:5000/app:2"],
            "Layers": ["one/layer.tar", "two/layer.tar"],
        }
    ]
    files = {"manifest.json": json.dumps(manifest).encode(), manifest[0]["Config"]: data}
    links = {}
    if linked:
        files["shared.tar"] = shown[0]
        links["one/layer.tar"] = "../shared.tar"
    else:
        files["./one/layer.tar"] = shown[0]
    files["two/layer.tar"] = shown[1]
    return tar(tmp_path / "docker.tar", files, links)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("linked", [False, True])
def test_what_docker_save_wrote(
    target: Store, tmp_path: Path, compressed: bool, linked: bool
) -> None:
    path = docker_save(tmp_path, compressed=compressed, linked=linked)
    names = ["docker.io/library/app:1", "localhost:5000/app:2"]
    assert load(target, path) == names
    first, second = (target.names.get(name) for name in names)
    assert first == second
    manifest = Manifest.parse(target.read(first))
    kind = media_types.LAYER_GZIP if compressed else media_types.LAYER_TAR
    assert [entry.media_type for entry in manifest.layers] == [kind, kind]
    assert list(faults(target)) == []


def rewritten(path: Path, change) -> Path:
    """A tar with its files changed by ``change(dict of files)``."""
    with tarfile.open(path) as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive if m.isreg()}
    path.unlink()
    change(files)
    return tar(path, files)


def refused(target: Store, path: Path, kind: type[OcinbError], match: str = ".") -> None:
    with pytest.raises(kind, match=match):
        load(target, path)
    assert target.names.items() == []


def test_a_layer_with_other_bytes(target: Store, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        files["two/layer.tar"] = layer({"b": b"evil"})

    refused(target, rewritten(docker_save(tmp_path), change), DigestMismatch, "two/layer.tar")


@pytest.mark.parametrize("missing", ["one/layer.tar", "two/layer.tar"])
def test_a_layer_that_is_not_there(target: Store, tmp_path: Path, missing: str) -> None:
    def change(files: dict[str, bytes]) -> None:
        files.pop(missing, None) or files.pop(f"./{missing}")

    refused(target, rewritten(docker_save(tmp_path), change), ContentError, missing)


@pytest.mark.parametrize(
    "manifest",
    [b"{", b"{}", b"[5]", b"[{}]", b'[{"Config":5}]', b'[{"Config":"x","Layers":"y"}]'],
)
def test_a_manifest_json_that_is_none(target: Store, tmp_path: Path, manifest: bytes) -> None:
    refused(target, tar(tmp_path / "x.tar", {"manifest.json": manifest}), DocumentError)


def test_blobs_of_a_layout_are_verified(source: Store, target: Store) -> None:
    document = json.loads(source.read(source.names.get(NAME)))
    path = source.path(digest(document["layers"][0]["digest"]))
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"!")
    refused(target, source.root, DigestMismatch)
    path.write_bytes(data + b"!")
    refused(target, source.root, SizeMismatch)
    path.unlink()
    refused(target, source.root, BlobNotFound)


def test_a_link_that_leads_out_of_the_directory(source: Store, target: Store) -> None:
    blob = source.path(source.names.get(NAME).digest)
    outside = source.root.parent / "outside"
    blob.rename(outside)
    blob.symlink_to(outside)
    refused(target, source.root, BlobNotFound)


def test_links_that_lead_round_in_a_circle(target: Store, tmp_path: Path) -> None:
    links = {"manifest.json": "a", "a": "b", "b": "a", "oci-layout": "../../etc/passwd"}
    refused(target, tar(tmp_path / "x.tar", {}, links), ContentError, "not an image archive")


@pytest.mark.parametrize(
    "data",
    [b"", b"not a tar", bytes(10_240), b"\x1f\x8bdamaged", gzip.compress(b"x", mtime=0)[:-4]],
)
def test_what_is_no_archive(target: Store, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(data)
    refused(target, tmp_path / "x.tar", ContentError)


def test_an_archive_that_is_cut_off(source: Store, target: Store, tmp_path: Path) -> None:
    save(source, [NAME], tmp_path / "whole.tar")
    data = (tmp_path / "whole.tar").read_bytes()
    for part in (0.1, 0.5, 0.9):
        (tmp_path / "x.tar").write_bytes(data[: int(len(data) * part)])
        refused(target, tmp_path / "x.tar", ContentError)


def test_what_is_not_there(source: Store, target: Store, tmp_path: Path) -> None:
    refused(target, tmp_path / "nothing.tar", StorageError, "no such file")
    with pytest.raises(NameNotFound):
        save(source, ["nothing:1"], tmp_path / "x.tar")
    with pytest.raises(StorageError):
        save(source, [NAME], tmp_path / "no" / "such" / "directory.tar")
    assert not (tmp_path / "x.tar").exists()


def test_an_image_that_lacks_a_layer_is_not_saved(source: Store, tmp_path: Path) -> None:
    document = json.loads(source.read(source.names.get(NAME)))
    source.delete(digest(document["layers"][0]["digest"]))
    with pytest.raises(BlobNotFound, match=NAME):
        save(source, [NAME], tmp_path / "x.tar")
    assert [p.name for p in tmp_path.iterdir()] == ["source"]

"""A real Debian image: the tree is umoci's, file by file, in both forms."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.layer.unpack import unpack
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.manifest import Manifest
from tests.support.debian import TAG, debian_layout, run
from tests.support.tree import Facts, differences, snapshot

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


@pytest.fixture(scope="module")
def image() -> tuple[Path, Manifest, ImageConfig]:
    layout = debian_layout()
    index = json.loads((layout / "index.json").read_bytes())

    def blob(digest: str) -> bytes:
        return (layout / "blobs" / digest.replace(":", "/")).read_bytes()

    manifest = Manifest.parse(blob(index["manifests"][0]["digest"]))
    return layout, manifest, ImageConfig.parse(blob(manifest.config.digest))


@pytest.fixture(scope="module")
def theirs(image, tmp_path_factory) -> Facts:
    work = tmp_path_factory.mktemp("umoci")
    run("umoci", "unpack", "--image", f"{image[0]}:{TAG}", work / "bundle")
    facts = snapshot(work / "bundle/rootfs")
    shutil.rmtree(work)
    return facts


def blobs(image: tuple[Path, Manifest, ImageConfig]) -> list[tuple[Descriptor, Digest, Path]]:
    layout, manifest, config = image
    return [
        (layer, diff_id, layout / "blobs" / layer.digest.replace(":", "/"))
        for layer, diff_id in zip(manifest.layers, config.rootfs.diff_ids, strict=True)
    ]


def test_as_one_tree(image, theirs, tmp_path):
    for layer, diff_id, path in blobs(image):
        with path.open("rb") as blob:
            done = unpack(
                blob, tmp_path / "t", media_type=layer.media_type, diff_id=diff_id, form="tree"
            )
        assert done.skipped == ()
    ours = snapshot(tmp_path / "t")
    assert len(ours) > 5000
    assert differences(ours, theirs) == []


def test_as_a_stack_that_overlayfs_shows(image, theirs, tmp_path):
    layers = UnpackedLayers(tmp_path / "layers")
    lowers: list[Path] = []
    chain_ids = image[2].chain_ids
    for (layer, diff_id, path), chain_id in zip(blobs(image), chain_ids, strict=True):
        with path.open("rb") as blob:
            lowers.append(layers.add(chain_id, layer, diff_id, blob, lowers))
    merged = tmp_path / "merged"
    merged.mkdir()
    stack = ":".join(map(str, reversed(lowers)))
    subprocess.run(
        ["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={stack}", merged], check=True
    )
    try:
        ours = snapshot(merged)
    finally:
        subprocess.run(["umount", merged], check=True)
    for fact in ours.values():
        assert isinstance(fact, dict)
        fact["xattrs"].pop("trusted.overlay.opaque", None)
    assert differences(ours, theirs) == []


def test_the_store_that_umoci_wrote_is_one_of_ours(image, tmp_path):
    shutil.copytree(image[0], tmp_path / "layout")
    store = Store(tmp_path / "layout")
    assert all(store.has(layer.digest) for layer in image[1].layers)

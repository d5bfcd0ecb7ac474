"""The demo image is an image for others too: skopeo copies it, umoci unpacks the same tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.layer.unpack import unpack
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from tests.support.debian import run
from tests.support.peers import require
from tests.support.tree import differences, snapshot

pytestmark = [pytest.mark.peer, pytest.mark.root]


def test_skopeo_copies_it_and_umoci_unpacks_the_same_tree(tmp_path):
    require("skopeo")
    require("umoci")
    store = Store(tmp_path / "store")
    described = demo_image(store)
    index = ImageIndex.parse(store.read(described))
    manifest = Manifest.parse(store.read(index.manifests[0]))
    config = ImageConfig.parse(store.read(manifest.config))
    for layer, diff_id in zip(manifest.layers, config.rootfs.diff_ids, strict=True):
        with store.open(layer.digest) as blob:
            unpack(blob, tmp_path / "ours", diff_id=diff_id, form="tree")

    name = {"mediaType": described.media_type, "digest": described.digest, "size": described.size,
            "annotations": {"org.opencontainers.image.ref.name": "demo"}}  # fmt: skip
    document = {"schemaVersion": 2, "manifests": [name]}
    (tmp_path / "store/index.json").write_text(json.dumps(document))
    copied: Path = tmp_path / "copied"
    run("skopeo", "copy", "--all", f"oci:{tmp_path / 'store'}:demo", f"oci:{copied}:demo")
    run("skopeo", "copy", f"oci:{copied}:demo", f"oci:{copied}:one")
    run("umoci", "unpack", "--image", f"{copied}:one", tmp_path / "bundle")

    ours, theirs = snapshot(tmp_path / "ours"), snapshot(tmp_path / "bundle/rootfs")
    for facts in (ours, theirs):
        facts.pop(".")  # no entry of the image names the root
    assert differences(ours, theirs) == []

"""The demo image: real programs, deterministic, and every thing that a layer can do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ocinb.build.changes import trace
from ocinb.build.demo import demo_image
from ocinb.content.store import Store
from ocinb.layer.unpack import unpack
from ocinb.layer.whiteout import OPAQUE_NAME
from ocinb.spec.image_config import ImageConfig
from ocinb.spec.image_index import ImageIndex
from ocinb.spec.manifest import Manifest
from ocinb.spec.platform import Platform, rank


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("demo") / "store")


@pytest.fixture(scope="module")
def index(store):
    return ImageIndex.parse(store.read(demo_image(store)))


@pytest.fixture(scope="module")
def image(store, index):
    manifest = Manifest.parse(store.read(index.manifests[0]))
    return manifest, ImageConfig.parse(store.read(manifest.config))


@pytest.fixture(scope="module")
def rootfs(store, image, tmp_path_factory):
    target = tmp_path_factory.mktemp("rootfs") / "root"
    manifest, config = image
    for layer, diff_id in zip(manifest.layers, config.rootfs.diff_ids, strict=True):
        with store.open(layer.digest) as blob:
            unpack(blob, target, media_type=layer.media_type, diff_id=diff_id, form="tree")
    return target


def test_one_manifest_is_for_this_machine_and_one_is_a_decoy(store, index):
    real, decoy = index.manifests
    assert real.platform is not None
    assert decoy.platform is not None
    assert rank(Platform.host(), real.platform) == 0
    assert rank(Platform.host(), decoy.platform) is None
    assert sum(layer.size for layer in Manifest.parse(store.read(decoy)).layers) < 1000


def test_it_is_small_and_tells_what_each_layer_is_for(image):
    manifest, config = image
    assert sum(layer.size for layer in manifest.layers) < 10 << 20
    assert len(manifest.layers) >= 4
    assert all(entry.created_by for entry in config.layer_history())
    assert config.execution.entrypoint
    assert config.execution.cmd


def test_the_layers_delete_hide_and_replace(store, image, rootfs):
    manifest, _ = image
    told = []
    for number, layer in enumerate(manifest.layers):
        with store.open(layer.digest) as blob:
            unpack(
                blob,
                rootfs.parent / f"layer{number}",
                on_entry=lambda entry: told.append((entry.kind, entry.path)),
            )
    assert ("whiteout", "etc/motd") in told
    assert ("opaque", "usr/share/demo") in told
    assert ("file", "srv/notes") in told
    assert ("directory", "srv/notes") in told
    assert not (rootfs / "etc/motd").exists()
    assert os.listdir(rootfs / "usr/share/demo") == ["new"]
    assert os.listdir(rootfs / "srv/notes") == ["today"]
    assert not list(rootfs.rglob(OPAQUE_NAME))


def test_the_same_bytes_every_time(tmp_path, store, monkeypatch):
    first = demo_image(Store(tmp_path / "a"))
    assert demo_image(store) == first
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert demo_image(Store(tmp_path / "b")) != first


@pytest.mark.root
def test_its_programs_find_their_libraries(rootfs):
    script = "cat /etc/os-release && ls / && id -un && echo done"
    done = subprocess.run(
        ["chroot", rootfs, "/entrypoint", "/bin/sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.stderr == ""
    assert 'NAME="ocinb demo"' in done.stdout
    assert done.stdout.endswith("root\ndone\n")


def test_a_path_is_traced_through_its_links(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("x")
    (tmp_path / "relative").symlink_to("real")
    (tmp_path / "absolute").symlink_to(tmp_path / "relative")
    links, real = trace(tmp_path / "absolute/../relative/file")
    base = str(tmp_path)[1:]
    assert [link for link in links if link[0].startswith(base)] == [
        (f"{base}/absolute", f"{tmp_path}/relative"),
        (f"{base}/relative", "real"),
        (f"{base}/relative", "real"),
    ]
    assert Path("/", real) == (tmp_path / "real/file").resolve()

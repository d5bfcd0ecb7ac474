"""Archives between us and the programs that others use: skopeo and podman, both ways."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import pytest

from ocinb.content.load import load
from ocinb.content.save import save
from ocinb.content.store import Store
from ocinb.content.verify import faults
from ocinb.layer.changeset import Entry
from ocinb.layer.pack import pack
from ocinb.layer.unpack import unpack
from ocinb.spec.digest import digest_of
from ocinb.spec.manifest import Manifest
from tests.support import umoci
from tests.support.images import make_image
from tests.support.peers import require
from tests.support.podman import Podman

pytestmark = pytest.mark.peer
NAME = "localhost:5000/team/app:1.0"


def skopeo(*argv: str) -> str:
    done = subprocess.run(
        [require("skopeo"), "--insecure-policy", *argv], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.names.set(NAME, make_image(made, 10_000, 20))
    return made


@pytest.fixture
def target(tmp_path: Path) -> Store:
    return Store(tmp_path / "target")


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_skopeo_reads_what_we_save(store: Store, tmp_path: Path, kind: str) -> None:
    save(store, [NAME], tmp_path / "app.tar")
    inspected = json.loads(skopeo("inspect", "--config", f"{kind}:{tmp_path}/app.tar"))
    config = Manifest.parse(store.read(store.names.get(NAME))).config
    assert inspected["rootfs"] == json.loads(store.read(config))["rootfs"]
    skopeo("copy", "--quiet", f"{kind}:{tmp_path}/app.tar", f"dir:{tmp_path}/dir")


@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_we_read_what_skopeo_writes(store: Store, target: Store, tmp_path: Path, kind: str) -> None:
    archive = f"{kind}:{tmp_path}/app.tar:{NAME}"
    skopeo("copy", "--quiet", f"oci:{store.root}:{NAME}", archive)
    assert load(target, tmp_path / "app.tar") == [NAME]
    ours, theirs = (s.read(s.names.get(NAME)) for s in (store, target))
    assert (
        json.loads(store.read(Manifest.parse(ours).config))["rootfs"]
        == (json.loads(target.read(Manifest.parse(theirs).config))["rootfs"])
    )
    assert (kind == "docker-archive") or ours == theirs
    assert list(faults(target)) == []


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("form", ["oci-archive", "docker-archive"])
def test_podman_loads_ours_and_we_load_podmans(
    store: Store, target: Store, tmp_path: Path, form: str
) -> None:
    podman = Podman(tmp_path / "podman")
    save(store, [NAME], tmp_path / "ours.tar")
    policy = f"--signature-policy={podman.policy}"
    podman("load", "--quiet", policy, "--input", str(tmp_path / "ours.tar"))
    podman("save", "--quiet", f"--format={form}", "--output", str(tmp_path / "theirs.tar"), NAME)
    assert load(target, tmp_path / "theirs.tar") == [NAME]
    manifest = Manifest.parse(target.read(target.names.get(NAME)))
    ours = Manifest.parse(store.read(store.names.get(NAME)))
    assert manifest.config.digest == ours.config.digest
    assert list(faults(target)) == []


@pytest.mark.parametrize("form", ["gzip", "zstd", "zstd:chunked"])
def test_layers_as_skopeo_compresses_them(
    store: Store, target: Store, tmp_path: Path, form: str
) -> None:
    """Other blobs, the same archives; a table of contents behind them is passed over.

    Spec: image-spec layer.md#zstd-media-types
    """
    # skopeo 1.9 leaves out what follows the two blocks of zeros, so here nothing does.
    out = io.BytesIO()
    data = b"content" * 1000
    pack([Entry("d", "directory"), Entry("d/f", "file", size=len(data), source=data)], out,
         compression="none")  # fmt: skip
    raw = out.getvalue()
    config = {"rootfs": {"type": "layers", "diff_ids": [digest_of(raw)]}}
    umoci.image_of(tmp_path / "plain", [raw])
    copied = f"oci:{tmp_path}/copied:t"
    skopeo("copy", "--quiet", f"--dest-compress-format={form}", "--dest-compress-level=3",
           f"oci:{tmp_path}/plain:t", copied)  # fmt: skip
    (name,) = load(target, tmp_path / "copied")
    manifest = Manifest.parse(target.read(target.names.get(name)))
    assert json.loads(target.read(manifest.config))["rootfs"] == config["rootfs"]
    (layer,) = manifest.layers
    assert ("zstd" in layer.media_type) == ("zstd" in form)
    assert bool(layer.annotations) == (form == "zstd:chunked")
    with target.open(layer.digest) as blob:
        done = unpack(blob, tmp_path / "t", media_type=layer.media_type, diff_id=digest_of(raw))
    assert (tmp_path / "t/d/f").read_bytes() == data
    assert done.compressed == layer.size

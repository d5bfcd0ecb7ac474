"""Other programs read our store as it lies on disk, and we read what they wrote into it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.spec.digest import Digest
from tests.support.images import make_image
from tests.support.peers import require

pytestmark = pytest.mark.peer
NAME = "localhost:5000/team/app:1.0"


def run(program: str, *argv: str | Path) -> str:
    done = subprocess.run(
        [require(program), *map(str, argv)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.names.set(NAME, make_image(made, 10_000, 20))
    return made


def test_skopeo_reads_an_image_by_its_full_name(store: Store) -> None:
    inspected = json.loads(run("skopeo", "inspect", f"oci:{store.root}:{NAME}"))
    assert inspected["Digest"] == store.names.get(NAME).digest


def test_skopeo_writes_an_image_beside_ours(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    image = make_image(other, 300)
    other.names.set("x", image)
    run("skopeo", "--insecure-policy", "copy", f"oci:{other.root}:x", f"oci:{store.root}:theirs")
    assert store.names.get("theirs").digest == image.digest
    assert store.names.get(NAME)
    assert other.read(image) == store.read(image)


def test_umoci_lists_and_collects_without_hurting_us(store: Store) -> None:
    assert NAME in run("umoci", "list", "--layout", store.root).splitlines()
    with store.blob(Digest("sha256:" + "0" * 64)) as writer:
        writer.write(b"on its way")
        before = set(store.digests())
        run("umoci", "gc", "--layout", store.root)
    assert set(store.digests()) == before
    with store.blob(Digest("sha256:" + "0" * 64)) as writer:
        assert writer.offset == 10

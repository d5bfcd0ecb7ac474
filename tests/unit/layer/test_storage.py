"""A disk that says no: one sentence, and nothing left."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest

from ocinb.errors import StorageError
from ocinb.layer.changeset import Entry
from ocinb.layer.pack import pack
from ocinb.layer.unpack import unpack
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec import media_types
from ocinb.spec.descriptor import describe
from ocinb.spec.digest import digest_of
from tests.support.archives import archive, layer, member

pytestmark = pytest.mark.root


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB and few inodes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=60,mode=755", "tmpfs", disk], check=True
    )
    yield disk
    subprocess.run(["umount", disk], check=True)


def used(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_blocks - status.f_bfree


@pytest.mark.parametrize("form", ["tree", "overlay"])
def test_no_space_for_a_file(small_disk, form):
    before = used(small_disk)
    blob = layer(member("small", data=b"x"), member("d/large", data=os.urandom(4 << 20)))
    with pytest.raises(StorageError, match="layer 3: 'd/large': no space left on device"):
        unpack(blob, small_disk / "t", form=form, what="layer 3")
    assert os.listdir(small_disk) == []
    assert used(small_disk) == before


def test_no_inodes(small_disk):
    with pytest.raises(StorageError, match="no space left"):
        unpack(layer(*(member(f"d{n}/f") for n in range(100))), small_disk / "t")
    assert os.listdir(small_disk) == []


def test_a_layer_that_does_not_fit_is_not_there_and_fits_later(small_disk, tmp_path):
    raw = archive([member("large", data=bytes(3 << 20))])
    described, diff_id = describe(raw, media_types.LAYER_TAR), digest_of(raw)
    layers = UnpackedLayers(small_disk / "layers")
    with pytest.raises(StorageError, match="no space left"):
        layers.add(diff_id, described, diff_id, io.BytesIO(raw))
    assert layers.get(diff_id) is None
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    assert (layers.add(diff_id, described, diff_id, io.BytesIO(raw)) / "large").exists()


def test_a_read_only_disk(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StorageError, match="read-only"):
        unpack(layer(member("f")), small_disk / "t")
    with pytest.raises(StorageError, match="read-only"):
        UnpackedLayers(small_disk / "layers").remove(digest_of(b""))


def test_packing_to_a_full_disk(small_disk):
    data = os.urandom(4 << 20)
    with (
        pytest.raises(StorageError, match="no space left"),
        (small_disk / "blob").open("wb", buffering=0) as out,
    ):
        pack([Entry("f", "file", size=len(data), source=data)], out, compression="none")

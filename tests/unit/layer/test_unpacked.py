"""Layers are unpacked once for each chainID, whole or not at all."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ocinb.errors import DigestMismatch
from ocinb.events import LayerApplied, Recorder
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor, describe
from ocinb.spec.digest import Digest, digest_of
from tests.support.archives import archive, member

RAW = archive([member(f"d{n % 7}/f{n}", data=b"x" * n) for n in range(50)])
DIFF = digest_of(RAW)
LAYER = describe(RAW, media_types.LAYER_TAR)


class OneUse(io.BytesIO):
    """A blob that may be read only where it is needed."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        type(self).reads += 1
        return super().read(size)


def files(path: Path) -> int:
    return sum(1 for p in path.rglob("*") if p.is_file())


def test_a_layer_is_unpacked_once(tmp_path):
    record = Recorder()
    layers = UnpackedLayers(tmp_path, record)
    assert layers.get(DIFF) is None
    path = layers.add(DIFF, LAYER, DIFF, io.BytesIO(RAW))
    OneUse.reads = 0
    assert layers.add(DIFF, LAYER, DIFF, OneUse(RAW)) == path == layers.get(DIFF)
    assert OneUse.reads == 0
    assert files(path) == 50
    first, again = record.of(LayerApplied)
    assert (first.reused, again.reused) == (False, True)
    assert (first.entries, first.size) == (again.entries, again.size) == (50, len(RAW))
    assert layers.chain_ids() == [DIFF]


def test_nobody_else_reaches_what_strangers_made(tmp_path):
    """A setuid program of a layer belongs to whoever unpacked it."""
    (tmp_path / "there").mkdir(mode=0o755)
    for root in (tmp_path / "new", tmp_path / "there"):
        UnpackedLayers(root).add(DIFF, LAYER, DIFF, io.BytesIO(RAW))
        assert root.stat().st_mode & 0o777 == 0o700


def test_a_failure_leaves_nothing_visible(tmp_path):
    layers = UnpackedLayers(tmp_path)
    other = Digest("sha256:" + "1" * 64)
    with pytest.raises(DigestMismatch):
        layers.add(other, LAYER, other, io.BytesIO(RAW))
    assert layers.get(other) is None
    assert list((tmp_path / "partial").iterdir()) == []


def test_what_a_crash_left_is_cleared(tmp_path):
    layers = UnpackedLayers(tmp_path)
    layers.add(DIFF, LAYER, DIFF, io.BytesIO(RAW))
    layers.remove(DIFF)
    assert layers.get(DIFF) is None
    (tmp_path / "partial" / DIFF.encoded / "half").mkdir(parents=True)
    path = layers.add(DIFF, LAYER, DIFF, io.BytesIO(RAW))
    assert not (path / "half").exists()


def test_threads_that_want_the_same_wait_for_one(tmp_path):
    record = Recorder()
    threads = [
        threading.Thread(
            target=lambda: UnpackedLayers(tmp_path, record).add(DIFF, LAYER, DIFF, io.BytesIO(RAW))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event.reused for event in record.of(LayerApplied)) == [False] + [True] * 5


_CHILD = """
import io, sys
from pathlib import Path
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import Digest
root, blob, diff_id, size = sys.argv[1:]
layer = Descriptor(media_type="application/vnd.oci.image.layer.v1.tar",
                   digest=Digest(diff_id), size=int(size))
print("ready", flush=True)
with open(blob, "rb") as stream:
    UnpackedLayers(Path(root)).add(Digest(diff_id), layer, Digest(diff_id), stream)
"""


@pytest.mark.slow
def test_killed_at_any_point_it_is_whole_or_absent(tmp_path):
    raw = archive([member(f"d{n % 97}/f{n}", data=b"x" * 50) for n in range(4000)])
    diff_id = digest_of(raw)
    (tmp_path / "blob").write_bytes(raw)
    layer = Descriptor(media_type=media_types.LAYER_TAR, digest=diff_id, size=len(raw))
    argv = [
        sys.executable,
        "-c",
        _CHILD,
        tmp_path / "layers",
        tmp_path / "blob",
        diff_id,
        str(len(raw)),
    ]
    outcomes = set()
    for step in range(20):
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(0.012 * step)
            os.kill(child.pid, signal.SIGKILL)
        layers = UnpackedLayers(tmp_path / "layers")
        found = layers.get(diff_id)
        outcomes.add(found is not None)
        if found is not None:
            assert files(found) == 4000
            layers.remove(diff_id)
    assert False in outcomes, "it was never killed in the middle"
    path = UnpackedLayers(tmp_path / "layers").add(diff_id, layer, diff_id, io.BytesIO(raw))
    assert files(path) == 4000
    assert list((tmp_path / "layers/partial").iterdir()) == []

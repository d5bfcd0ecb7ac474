"""Garbage among unpacked layers."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from ocinb.engine.engine import Engine
from ocinb.engine.garbage import collect_garbage
from ocinb.settings import Settings
from tests.support.archives import member
from tests.support.layered import name_image

NAME = "localhost/a:1"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = Engine(Settings(root=tmp_path / "root", run_root=tmp_path / "run"))
    name_image(engine.store, NAME, [[member("a", data=b"1" * 1000)]])
    engine.images.unpack(engine.images.get(NAME))
    return engine


def test_what_a_lease_protects_stays(engine):
    with engine.store.lease():
        engine.images.unpack(
            engine.images.get(NAME)
        )  # as a pull does, with a layer that is there already
        engine.store.names.remove(NAME)
        assert collect_garbage(engine, grace=0).layers == ()
    assert len(collect_garbage(engine, grace=0).layers) == 1
    assert engine.layers.chain_ids() == []


@pytest.mark.root
def test_what_is_mounted_stays(engine, tmp_path):
    engine.images.mount(engine.images.get(NAME), tmp_path / "mnt")
    try:
        engine.store.names.remove(NAME)
        assert collect_garbage(engine, grace=0).layers == ()
        assert (tmp_path / "mnt/a").read_bytes() == b"1" * 1000
    finally:
        engine.mounts.unmount(tmp_path / "mnt")
    assert len(collect_garbage(engine, grace=0).layers) == 1


def test_what_crashes_left_goes_unless_somebody_is_at_it(engine):
    root = engine.layers.root
    half, busy = "1" * 64, "2" * 64
    for name in (half, busy):
        (root / "partial" / name).mkdir(parents=True)
        (root / "partial" / name / "file").write_bytes(b"123")
    (root / "records" / f"{half}.json").write_text("{}")
    lock = os.open(root / "locks" / busy, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = collect_garbage(engine, grace=0, dry_run=True).remains
        assert told == ((f"partial/{half}", 3), (f"records/{half}.json", 2))
        assert collect_garbage(engine, grace=0).remains == told
        assert [path.name for path in (root / "partial").iterdir()] == [busy]
    finally:
        os.close(lock)
    assert collect_garbage(engine, grace=0).remains == ((f"partial/{busy}", 3),)
    assert len(engine.layers.chain_ids()) == 1

"""What is garbage, and what is not although it looks like it."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path

import pytest

from ocinb.content.gc import collect
from ocinb.content.store import Store
from ocinb.content.usage import usage
from ocinb.content.verify import faults
from ocinb.errors import InvalidDocument, StorageError
from ocinb.spec import media_types
from ocinb.spec.descriptor import Descriptor
from ocinb.spec.digest import digest_of
from tests.support.images import make_image, make_index, plain

OLD = time.time() - 30 * 24 * 3600


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def age(store: Store) -> None:
    """Let everything that is there have come a month ago."""
    for digest in store.digests():
        os.utime(store.path(digest), (OLD, OLD))
    for path in store.ingest.iterdir():
        os.utime(path, (OLD, OLD))


def collected(store: Store, **options: object) -> set[str]:
    return {digest for digest, _ in collect(store, **options).blobs}


def test_what_a_name_leads_to_stays(store: Store) -> None:
    images = {name: make_image(store, 100, architecture=name) for name in ("amd64", "arm64")}
    store.names.set("multi:1", make_index(store, images))
    orphan = store.add(b"orphan", "a/b").digest
    age(store)
    everything = set(store.digests())
    assert collected(store, dry_run=True) == {orphan}
    assert set(store.digests()) == everything
    garbage = collect(store)
    assert garbage.blobs == ((orphan, 6),)
    assert garbage.size == 6
    assert set(store.digests()) == everything - {orphan}
    assert list(faults(store)) == []


def test_removing_a_name_frees_what_only_it_led_to(store: Store) -> None:
    first, second = make_image(store, 100), make_image(store, 200)
    store.names.set("a:1", first)
    store.names.set("b:1", second)
    store.names.remove("a:1")
    age(store)
    gone = collected(store)
    assert first.digest in gone
    assert second.digest not in gone
    assert len(gone) == 3


def test_a_subject_is_kept(store: Store) -> None:
    image = make_image(store, 100)
    empty = store.add(b"{}", media_types.EMPTY)
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.IMAGE_MANIFEST,
        "config": plain(empty),
        "layers": [],
        "subject": plain(image),
    }
    store.names.set("s:1", store.add(json.dumps(document).encode(), media_types.IMAGE_MANIFEST))
    age(store)
    assert collected(store) == set()


def test_an_index_that_leads_to_itself_in_a_circle_is_followed_once(store: Store) -> None:
    # A true circle of digests cannot be made; many ways to one place can.
    index: Descriptor = make_image(store, 10)
    for _ in range(40):
        entries = [plain(index), plain(index)]
        document = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX, "manifests": entries}
        index = store.add(json.dumps(document).encode(), media_types.IMAGE_INDEX)
    store.names.set("deep:1", index)
    age(store)
    assert collected(store) == set()


def test_what_came_a_moment_ago_is_left_alone(store: Store) -> None:
    digest = store.add(b"orphan", "a/b").digest
    assert collected(store) == set()
    assert collected(store, grace=0) == {digest}


def test_finding_a_blob_makes_it_new(store: Store) -> None:
    digest = store.add(b"orphan", "a/b").digest
    age(store)
    with store.blob(digest) as writer:
        assert writer.present
    assert collected(store) == set()


def test_while_a_lease_is_held_nothing_goes_that_came_since(store: Store) -> None:
    before = store.add(b"before", "a/b").digest
    age(store)
    with store.lease():
        during = store.add(b"during", "a/b").digest
        os.utime(store.path(during))
        assert collected(store, grace=0) == {before}
    assert collected(store, grace=0) == {during}


def test_the_lease_of_a_process_that_died_does_not_count(store: Store) -> None:
    digest = store.add(b"orphan", "a/b").digest
    (store.ingest / "lease-of-the-dead").touch()
    os.utime(store.ingest / "lease-of-the-dead", (OLD, OLD))
    assert collected(store, grace=0) == {digest}
    assert not (store.ingest / "lease-of-the-dead").exists()


def test_partial_blobs_stay_while_they_are_written_to_or_new(store: Store) -> None:
    digests = [digest_of(bytes([n])) for n in range(3)]
    for digest in digests[:2]:
        with store.blob(digest) as writer:
            writer.write(b"part")
    with store.blob(digests[2]) as open_writer:
        open_writer.write(b"part")
        age(store)
        os.utime(store.ingest / digests[1].replace(":", "-"))
        garbage = collect(store)
    assert garbage.partials == ((digests[0].replace(":", "-"), 4),)
    with store.blob(digests[1]) as writer:
        assert writer.offset == 4


def test_further_roots_are_kept_as_they_are(store: Store) -> None:
    image = make_image(store, 100)
    age(store)
    gone = collected(store, roots=[image.digest])
    assert image.digest not in gone
    assert len(gone) == 2


def test_with_an_index_that_cannot_be_read_nothing_goes(store: Store) -> None:
    store.add(b"orphan", "a/b")
    age(store)
    (store.root / "index.json").write_text("{")
    with pytest.raises(InvalidDocument):
        collect(store)
    assert len(list(store.digests())) == 1


def test_with_a_manifest_that_cannot_be_read_now_nothing_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many open files, say: its layers are not garbage for that."""
    image = make_image(store, 2)
    store.names.set("a", image)
    age(store)
    before = set(store.digests())
    read = Path.open

    def opened(path: Path, *args: object, **options: object) -> object:
        if path == store.path(image.digest):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))
        return read(path, *args, **options)  # type: ignore[call-overload]

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", opened)
        with pytest.raises(StorageError, match="too many open files"):
            collect(store, grace=0)
        told = [str(fault) for fault in faults(store)]
        assert told, "verify is silent"
        assert all("too many open files" in fault for fault in told)
    assert set(store.digests()) == before
    assert list(faults(store)) == []


def test_room_is_told_shared_unique_and_reclaimable(store: Store) -> None:
    image, other = make_image(store, 1000), make_image(store, 500)
    store.names.set("a:1", image)
    store.names.set("a:2", image)
    store.names.set("b:1", other)
    store.add(b"orphan", "a/b")
    with store.blob(digest_of(b"later")) as writer:
        writer.write(b"abc")
    told = usage(store)
    by_name = {entry.name: entry for entry in told.images}
    assert by_name["a:1"].size == by_name["a:1"].shared == by_name["a:2"].size
    assert by_name["a:1"].unique == 0
    assert by_name["b:1"].unique == by_name["b:1"].size
    assert by_name["b:1"].digest == other.digest
    assert told.total == by_name["a:1"].size + by_name["b:1"].size + 6
    assert (told.reclaimable, told.partial) == (6, 3)


def test_damaged_and_missing_blobs_are_named(store: Store) -> None:
    image = make_image(store, 100, 200)
    store.names.set("a:1", image)
    first, second = (entry["digest"] for entry in json.loads(store.read(image))["layers"])
    from ocinb.spec.digest import Digest

    store.path(Digest(first)).write_bytes(b"damaged")
    store.delete(Digest(second))
    told = [str(error) for error in faults(store)]
    assert len(told) == 2
    assert first in told[0]
    assert second in told[1]

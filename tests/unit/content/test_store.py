"""The content store: blobs appear whole or not at all."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from ocinb.content.store import Store
from ocinb.content.writer import Abort
from ocinb.errors import (
    BlobNotFound,
    ContentError,
    DigestMismatch,
    InvalidDocument,
    SizeMismatch,
    StorageError,
)
from ocinb.events import BlobProgress, Recorder
from ocinb.spec.descriptor import describe
from ocinb.spec.digest import Digest, digest_of

DATA = b"a layer" * 1000
DIGEST = digest_of(DATA)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def leftovers(store: Store) -> set[str]:
    return {p.name for p in (store.root / "ingest").iterdir() if not p.name.endswith(".lock")}


def test_a_new_store_is_an_empty_image_layout(store: Store) -> None:
    assert json.loads((store.root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((store.root / "index.json").read_bytes())["manifests"] == []
    assert list(store.digests()) == []


def test_a_layout_of_another_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path)
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion":"2.0.0"}')
    with pytest.raises(InvalidDocument, match=r"2\.0\.0"):
        Store(tmp_path)


def test_bytes_added_are_read_back_by_descriptor(store: Store) -> None:
    descriptor = store.add(DATA, "text/plain", annotations={"a": "b"})
    assert (descriptor.digest, descriptor.size) == (DIGEST, len(DATA))
    assert descriptor.annotations == {"a": "b"}
    assert store.read(descriptor) == DATA
    assert store.size(DIGEST) == len(DATA)
    assert list(store.digests()) == [DIGEST]
    assert store.path(DIGEST).read_bytes() == DATA


def test_adding_the_same_bytes_twice_keeps_one_blob(store: Store) -> None:
    assert store.add(DATA, "a/b") == store.add(DATA, "a/b")
    assert leftovers(store) == set()


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_is_visible_only_after_commit(store: Store, algorithm: str) -> None:
    digest = digest_of(DATA, algorithm)
    with store.blob(digest, len(DATA)) as writer:
        assert (writer.present, writer.offset) == (False, 0)
        writer.write(DATA)
        assert not store.has(digest)
        assert writer.commit() == digest
        assert writer.present
    with store.open(digest) as file:
        assert file.read() == DATA
    assert leftovers(store) == set()


def test_a_blob_that_is_there_need_not_be_written(store: Store) -> None:
    store.add(DATA, "a/b")
    with store.blob(DIGEST, len(DATA)) as writer:
        assert (writer.present, writer.offset) == (True, len(DATA))
        assert writer.commit() == DIGEST
        with pytest.raises(ContentError):
            writer.write(b"more")


def test_an_interrupted_blob_goes_on_where_it_stopped(store: Store) -> None:
    with store.blob(DIGEST, len(DATA)) as writer:
        writer.write(DATA[:1000])
    again = Store(store.root)  # as after a restart: the hash is rebuilt from the file
    with again.blob(DIGEST, len(DATA)) as writer:
        assert writer.offset == 1000
        writer.write(DATA[1000:])
        writer.commit()
    assert again.read(describe(DATA, "a/b")) == DATA


def test_other_bytes_than_the_digest_says_leave_nothing(store: Store) -> None:
    with store.blob(DIGEST, len(DATA)) as writer:
        writer.write(bytes(len(DATA)))
        with pytest.raises(DigestMismatch, match=DIGEST):
            writer.commit()
    assert not store.has(DIGEST)
    assert leftovers(store) == set()


def test_too_few_bytes_are_refused(store: Store) -> None:
    with store.blob(DIGEST, len(DATA)) as writer:
        writer.write(DATA[:-1])
        with pytest.raises(SizeMismatch, match="6,999"):
            writer.commit()
    assert leftovers(store) == set()


def test_an_endless_body_is_stopped_at_the_size_of_the_descriptor(store: Store) -> None:
    with store.blob(DIGEST, 10) as writer:
        writer.write(bytes(10))
        with pytest.raises(SizeMismatch):
            writer.write(b"x")
    assert leftovers(store) == set()


def test_damaged_bytes_of_an_earlier_attempt_are_found_at_commit(store: Store) -> None:
    with store.blob(DIGEST, len(DATA)) as writer:
        writer.write(bytes(1000))
    with store.blob(DIGEST, len(DATA)) as writer:
        writer.write(DATA[writer.offset :])
        with pytest.raises(DigestMismatch):
            writer.commit()
    assert leftovers(store) == set()


def test_bytes_at_hand_do_not_build_on_an_earlier_attempt(store: Store) -> None:
    with store.blob(DIGEST, len(DATA)) as writer:
        writer.write(bytes(1000))
    assert store.read(store.add(DATA, "a/b")) == DATA


def test_two_writers_of_one_blob_take_turns(store: Store) -> None:
    recorder = Recorder()
    other = Store(store.root, recorder)
    waits = threading.Event()
    recorder.subscribe(lambda _: waits.set())
    found: list[bool] = []

    def second() -> None:
        with other.blob(DIGEST, len(DATA)) as writer:
            found.append(writer.present)

    with store.blob(DIGEST, len(DATA)) as writer:
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        writer.write(DATA)
        writer.commit()
    thread.join(10)
    assert found == [True]
    assert [e.action for e in recorder.of(BlobProgress)] == ["waiting"]


def test_waiting_for_another_writer_can_be_given_up(store: Store) -> None:
    with store.blob(DIGEST), pytest.raises(Abort):
        store.blob(DIGEST, waiting=lambda: False)


def test_a_blob_whose_file_was_damaged_is_not_taken_as_present(store: Store) -> None:
    store.add(DATA, "a/b")
    store.path(DIGEST).write_bytes(DATA[:5])
    with store.blob(DIGEST, len(DATA)) as writer:
        assert not writer.present
        writer.write(DATA)
        writer.commit()
    assert store.read(describe(DATA, "a/b")) == DATA


def test_a_descriptor_with_the_wrong_size_of_a_whole_blob(store: Store) -> None:
    store.add(DATA, "a/b")
    with pytest.raises(SizeMismatch):
        store.blob(DIGEST, 5)
    assert store.has(DIGEST)


def test_reading_verifies(store: Store) -> None:
    descriptor = store.add(DATA, "a/b")
    store.path(DIGEST).write_bytes(bytes(len(DATA)))
    with pytest.raises(DigestMismatch):
        store.read(descriptor)
    store.path(DIGEST).write_bytes(DATA + b"!")
    with pytest.raises(SizeMismatch):
        store.read(descriptor)


def test_what_is_not_there_is_named(store: Store) -> None:
    for act in (store.open, store.size, store.delete):
        with pytest.raises(BlobNotFound, match=DIGEST):
            act(DIGEST)


def test_files_that_are_no_blobs_are_skipped(store: Store) -> None:
    (store.root / "blobs/sha256/.umoci-1234").write_text("x")
    (store.root / "blobs/sha256/abc").write_text("x")
    assert list(store.digests()) == []


def test_an_upload_learns_its_digest_at_the_end(store: Store) -> None:
    with store.upload("u-1") as writer:
        writer.write(DATA[:10])
        state = writer.state()
    with store.upload("u-1", resume=state) as writer:
        assert writer.offset == 10
        writer.write(DATA[10:])
        assert writer.commit(digest_of(DATA, "sha512")) == digest_of(DATA, "sha512")
    assert leftovers(store) == set()


def test_what_was_written_since_a_mark_can_be_forgotten(store: Store) -> None:
    with store.blob(DIGEST, len(DATA)) as writer:
        writer.write(DATA[:500])
        mark = writer.mark()
        writer.write(b"not this")
        writer.rewind(mark)
        assert writer.offset == 500
        writer.write(DATA[500:])
        writer.commit()
    other = digest_of(b"other")
    with store.blob(other) as writer:
        writer.write(b"not this")
        writer.rewind()
        writer.write(b"other")
        writer.commit()
    assert store.size(other) == 5


def test_a_damaged_blob_is_replaced_by_an_upload(store: Store) -> None:
    store.add(DATA, "a/b")
    store.path(DIGEST).write_bytes(b"damaged")
    with store.upload("u") as writer:
        writer.write(DATA)
        writer.commit(DIGEST)
    assert store.read(describe(DATA, "a/b")) == DATA


@pytest.mark.parametrize("key", ["", "../x", "a/b", "."])
def test_an_upload_key_cannot_leave_the_store(store: Store, key: str) -> None:
    with pytest.raises(ValueError, match="upload key"):
        store.upload(key)


def test_a_full_disk_is_one_clear_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.blob(DIGEST) as writer:
        writer.write(DATA[:100])

        def full(file: int, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(StorageError, match="no space left on device") as caught:
                writer.write(DATA[100:])
        assert caught.value.hint
        writer.write(DATA[100:])
        writer.commit()
    assert store.has(DIGEST)


def test_digest_type(store: Store) -> None:
    store.add(DATA, "a/b")
    assert all(isinstance(digest, Digest) for digest in store.digests())

"""Small files are written whole or not at all."""

from __future__ import annotations

import os
import threading
import time

import pytest

from ocinb.errors import StorageError
from ocinb.whole_file import sweep_unfinished, write_whole


def test_readers_see_the_old_bytes_or_the_new_ones(tmp_path):
    path = tmp_path / "file"
    contents = {letter * 100_000 for letter in "ab"}
    write_whole(path, "a" * 100_000)
    ended = threading.Event()
    seen = set()

    def read() -> None:
        while not ended.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(300):
        write_whole(path, "ab"[number % 2] * 100_000)
    ended.set()
    reader.join()
    assert seen <= contents
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_that_are_no_text(tmp_path):
    write_whole(tmp_path / "file", os.fsdecode(b"\xff"))
    write_whole(tmp_path / "other", b"\xfe")
    assert (tmp_path / "file").read_bytes() + (tmp_path / "other").read_bytes() == b"\xff\xfe"


def test_what_is_refused_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.mkdir()
    (path / "kept").write_text("x")
    with pytest.raises(StorageError, match="file cannot be written: is a directory"):
        write_whole(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    with pytest.raises(StorageError, match="no such file or directory"):
        write_whole(tmp_path / "no/file", "new")


def test_what_a_crash_left_is_swept_once_it_is_old(tmp_path):
    write_whole(tmp_path / "kept", "x")
    for name, age in (("kept.1-1.new", 0), ("old.1-1.new", 100)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    sweep_unfinished(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept", "kept.1-1.new"]
    sweep_unfinished(tmp_path / "not there")

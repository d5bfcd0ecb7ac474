"""A log read while it is written, also over the change to another file."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ocinb.engine.log_file import LogChunk, LogWriter
from ocinb.engine.log_following import follow_log, last_lines


def text(chunks: list[LogChunk]) -> str:
    return b"".join(chunk.data for chunk in chunks).decode()


@pytest.mark.parametrize("most", [10_000_000, 2_000], ids=["one file", "many files"])
def test_all_that_is_written_is_read_once_and_in_order(tmp_path: Path, most: int) -> None:
    path = str(tmp_path / "log")
    ended = threading.Event()

    def write() -> None:
        writer = LogWriter(path, most=most)
        for number in range(200):
            writer.write(1, f"{number}\n".encode())
            if number % 10 == 0:
                threading.Event().wait(0.001)  # whoever follows keeps up with two files
        writer.close()
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = text(list(follow_log(path, ended.is_set))).split()
    writer.join()
    assert seen[-1] == "199"
    assert seen == [str(number) for number in range(int(seen[0]), 200)] or most < 10_000
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, key=int)


def test_a_log_that_is_not_there_ends_with_the_container(tmp_path: Path) -> None:
    assert list(follow_log(str(tmp_path / "none"), lambda: True)) == []


def test_lines_are_counted_from_the_end_and_an_open_one_counts(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    writer = LogWriter(path)
    for piece in (b"one\ntwo\n", b"thr", b"ee\nfour"):
        writer.write(1, piece)
    writer.close()
    chunks = list(follow_log(path, lambda: True))
    assert text(last_lines(chunks, 1)) == "four"
    assert text(last_lines(chunks, 2)) == "three\nfour"
    assert text(last_lines(chunks, 3)) == "two\nthree\nfour"
    assert text(last_lines(chunks, 9)) == "one\ntwo\nthree\nfour"
    assert last_lines(chunks, 0) == []
    assert text(list(follow_log(path, lambda: True, tail=1))) == "four"

"""Output in the log is output read back, whatever its bytes."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ocinb.engine.log_file import LogWriter, read_log

CHUNKS = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=60)))


@given(chunks=CHUNKS)
def test_each_stream_comes_back_byte_for_byte(
    tmp_path_factory: object, chunks: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"  # type: ignore[attr-defined]
    log = LogWriter(str(path))
    for stream, data in chunks:
        log.write(stream, data)
    log.close()
    read = list(read_log(str(path)))
    for stream in (1, 2):
        written = b"".join(data for number, data in chunks if number == stream)
        assert b"".join(chunk.data for chunk in read if chunk.stream == stream) == written


def test_the_format_is_the_one_of_kubernetes(tmp_path: Path) -> None:
    log = LogWriter(str(tmp_path / "log"))
    log.write(1, b"whole\npart")
    log.write(2, b"\n")
    log.close()
    lines = (tmp_path / "log").read_text().splitlines()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
    for line, rest in zip(lines, ("stdout F whole", "stdout P part", "stderr F "), strict=True):
        assert re.fullmatch(f"{stamp} {rest}", line)


def test_no_log_is_no_output(tmp_path: Path) -> None:
    assert list(read_log(str(tmp_path / "nothing"))) == []


def test_a_line_cut_short_by_a_full_disk_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"2024-01-01T00:00:00.000000000Z stdout F good\n2024-01")
    assert [chunk.data for chunk in read_log(str(tmp_path / "log"))] == [b"good\n"]


def test_a_log_has_an_end(tmp_path: Path) -> None:
    """The last of the output is there, in order, in two files of about the size that was given."""
    path = tmp_path / "log"
    log = LogWriter(str(path), most=2000)
    for number in range(1000):
        log.write(1, b"line %d\n" % number)
    log.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "log.1"]
    assert all(file.stat().st_size < 2100 for file in tmp_path.iterdir())
    numbers = [int(chunk.data.split()[1]) for chunk in read_log(str(path))]
    assert numbers == list(range(numbers[0], 1000))
    assert len(numbers) * 45 > 2000
    again = LogWriter(str(path), most=2000)
    again.write(1, b"line 1000\n")
    again.close()
    assert list(read_log(str(path)))[-1].data == b"line 1000\n"

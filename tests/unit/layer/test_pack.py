"""Packing is deterministic, and what was packed unpacks to the same."""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocinb.errors import LayerError
from ocinb.layer.changeset import Entry, Limits
from ocinb.layer.pack import pack
from ocinb.layer.tar_reader import TarReader
from ocinb.layer.unpack import unpack
from ocinb.spec.digest import digest_of
from tests.support.tree import differences, snapshot
from tests.support.tree_entries import tree_entries

NAMES = st.binary(min_size=1, max_size=120).filter(
    lambda n: b"/" not in n and b"\0" not in n and n not in (b".", b"..") and b".wh." not in n
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: os.fsdecode(b"/".join(parts)))
XATTRS = st.dictionaries(
    st.from_regex(r"user\.[a-z]{1,20}", fullmatch=True), st.binary(max_size=60), max_size=2
)
ENTRIES = st.builds(
    Entry,
    path=PATHS,
    kind=st.sampled_from(["file", "directory", "symlink", "hardlink", "fifo", "char", "whiteout"]),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 1),
    gid=st.integers(0, 2**32 - 1),
    mtime=st.integers(-(2**62), 2**62),
    linkname=st.just(""),
    xattrs=XATTRS,
)


def packed(entries: list[Entry], compression: str = "none") -> bytes:
    out = io.BytesIO()
    pack(entries, out, compression=compression)  # type: ignore[arg-type]
    return out.getvalue()


def complete(entry: Entry, data: bytes, link: str, device: tuple[int, int]) -> Entry:
    """The fields that its kind has."""
    if entry.kind == "file":
        return dataclasses.replace(entry, size=len(data), source=data)
    if entry.kind in ("symlink", "hardlink"):
        return dataclasses.replace(entry, linkname=link)
    if entry.kind == "char":
        return dataclasses.replace(entry, device=device)
    return entry


@settings(max_examples=200, deadline=None)
@given(
    entry=ENTRIES,
    data=st.binary(max_size=2000),
    link=PATHS,
    device=st.tuples(st.integers(0, 4095), st.integers(0, 2**20)),
)
def test_every_entry_is_read_back_as_it_was_written(entry, data, link, device):
    entry = complete(entry, data, link, device)
    source = io.BytesIO(packed([entry]))
    reader = TarReader(lambda: source.read(1 << 16), "layer", Limits())
    found = reader.next()
    assert found is not None
    content = reader.read() if entry.kind == "file" else None
    assert content == entry.source
    assert found == dataclasses.replace(entry, source=None)


@settings(max_examples=50, deadline=None)
@given(entry=ENTRIES.filter(lambda e: e.kind == "directory"))
def test_tarfile_reads_what_we_write(entry):
    with tarfile.open(fileobj=io.BytesIO(packed([entry]))) as archive:
        [info] = archive.getmembers()
    assert (info.mode, info.uid, info.gid) == (entry.mode, entry.uid, entry.gid)
    assert info.isdir()


def make_tree(root: Path) -> None:
    (root / "d/empty").mkdir(parents=True)
    (root / "d/file").write_text("content")
    os.chmod(root / "d/file", 0o6750)
    os.link(root / "d/file", root / "another-name")
    os.symlink("../x" * 60, root / "d/link")
    os.mkfifo(root / "pipe")
    (root / "ä").write_bytes(b"")
    (root / os.fsdecode(b"not \xff utf-8")).write_text("x")
    (root / ("n" * 200)).mkdir()
    os.setxattr(root / "d", "user.note", b"\0\1")
    os.utime(root / "d", ns=(1, 1_234_567_891))
    os.chmod(root / "d", 0o1711)


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("form", ["tree", "overlay"])
def test_unpack_then_pack_gives_the_same_diff_id(tmp_path, compression, form):
    (tmp_path / "a").mkdir()
    make_tree(tmp_path / "a")
    blob = io.BytesIO()
    first = pack(tree_entries(tmp_path / "a"), blob, compression=compression)
    assert first.digest == digest_of(blob.getvalue())
    assert first.size == len(blob.getvalue())
    blob.seek(0)
    unpack(blob, tmp_path / "b", media_type=first.media_type, diff_id=first.diff_id, form=form)
    assert differences(snapshot(tmp_path / "a"), snapshot(tmp_path / "b")) == []
    assert pack(tree_entries(tmp_path / "b"), io.BytesIO()).diff_id == first.diff_id


def test_marks_of_an_overlay_layer_become_whiteouts_again(tmp_path):
    owner = {"uid": os.geteuid(), "gid": os.getegid()}
    entries = [
        Entry("", "directory", 0o755, **owner),
        Entry("d", "directory", 0o755, **owner),
        Entry("d", "opaque"),
        Entry("d/kept", "file", size=0, source=b"", **owner),
        Entry("removed", "whiteout"),
    ]
    raw = packed(entries)
    unpack(io.BytesIO(raw), tmp_path / "t")
    assert packed(list(tree_entries(tmp_path / "t"))) == raw


def test_the_gzip_header_holds_neither_time_nor_name():
    blob = packed([Entry("f", "file", source=b"")], "gzip")
    assert blob[:4] == b"\x1f\x8b\x08\x00"
    assert blob[4:8] == bytes(4)
    assert gzip.decompress(blob) == packed([Entry("f", "file", source=b"")])


def test_no_extended_header_where_none_is_needed():
    path = "p" * 100 + "/" + "n" * 100
    assert len(packed([Entry(path, "fifo", mtime=10**18)])) == 512 + 1024


@pytest.mark.parametrize("size", [2, 4])
def test_a_file_that_changed_meanwhile(tmp_path, size):
    (tmp_path / "f").write_bytes(b"123")
    entry = Entry("f", "file", size=size, source=tmp_path / "f")
    with pytest.raises(LayerError, match="its entry says"):
        packed([entry])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(paths=st.lists(PATHS, max_size=8))
def test_any_names_survive_the_round_trip(tmp_path_factory, paths):
    base = tmp_path_factory.mktemp("names")
    (base / "a").mkdir()
    for path in paths:
        target = base / "a" / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        except (FileExistsError, NotADirectoryError):
            continue
    blob = io.BytesIO()
    pack(tree_entries(base / "a"), blob)
    blob.seek(0)
    unpack(blob, base / "b")
    assert differences(snapshot(base / "a"), snapshot(base / "b")) == []

"""The tar reader reads what other writers wrote, and refuses what lies."""

from __future__ import annotations

import io
import os
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.errors import LayerError, LimitExceeded, UnsafePath
from ocinb.layer import tar_header
from ocinb.layer.changeset import Entry, Limits
from ocinb.layer.tar_reader import TarReader
from tests.support.archives import archive, directory, hardlink, member, symlink

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def read(data: bytes, limits: Limits | None = None, chunk: int = 700) -> list[tuple[Entry, bytes]]:
    """All entries of an archive with their content, handed over in small pieces."""
    source = io.BytesIO(data)
    reader = TarReader(lambda: source.read(chunk), "layer x", limits or Limits())
    found = []
    while (entry := reader.next()) is not None:
        found.append((entry, reader.read() if entry.kind == "file" else b""))
    return found


def one(data: bytes) -> Entry:
    """The only entry of an archive."""
    [(entry, _)] = read(data)
    return entry


def block(**fields: object) -> bytes:
    """A header made by hand, valid unless ``fields`` make it otherwise."""
    values = {"name": b"f", "mode": 0o644, "uid": 0, "gid": 0, "size": 0, "mtime": 0, "type": b"0"}
    return tar_header.build(**(values | fields))  # type: ignore[arg-type]


def resum(header: bytes) -> bytes:
    """The same header with its checksum made right."""
    total = sum(header[:148]) + sum(header[156:]) + 8 * 32
    return header[:148] + b"%06o\0 " % total + header[156:]


END = bytes(1024)
NAMES = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=40
).filter(lambda name: name not in (".", "..") and not name.startswith(".wh."))
PATHS = st.lists(NAMES, min_size=1, max_size=6).map("/".join)


@settings(max_examples=150, deadline=None)
@given(
    path=PATHS,
    data=st.binary(max_size=3000),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**31),
    mtime=st.integers(-(2**33), 2**40) | st.floats(0, 2**31).map(lambda t: round(t, 3)),
    chunk=st.integers(1, 2000),
    format=st.sampled_from(["gnu", "pax"]),
)
def test_what_tarfile_wrote_is_read_back(path, data, mode, uid, mtime, chunk, format):
    raw = archive([member(path, data=data, mode=mode, uid=uid, mtime=mtime)], FORMATS[format])
    [(entry, content)] = read(raw, chunk=chunk)
    assert os.fsencode(entry.path) == path.encode()
    assert (entry.mode, entry.uid, content) == (mode, uid, data)
    seconds = mtime if format == "pax" else int(mtime)
    assert abs(entry.mtime - seconds * 10**9) < 1000  # floats have no exact nanoseconds


@pytest.mark.parametrize("format", FORMATS)
def test_every_kind_of_entry(format):
    raw = archive(
        [
            directory("d/"),
            member("d/file", data=b"content"),
            symlink("d/link", "../to where"),
            hardlink("hard", "./d/file"),
            member("fifo", tarfile.FIFOTYPE),
            member("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
            member("disk", tarfile.BLKTYPE, devmajor=8, devminor=17),
        ],
        FORMATS[format],
    )
    found = [(e.path, e.kind, e.linkname, e.device) for e, _ in read(raw)]
    assert found == [
        ("d", "directory", "", (0, 0)),
        ("d/file", "file", "", (0, 0)),
        ("d/link", "symlink", "../to where", (0, 0)),
        ("hard", "hardlink", "d/file", (0, 0)),
        ("fifo", "fifo", "", (0, 0)),
        ("null", "char", "", (1, 3)),
        ("disk", "block", "", (8, 17)),
    ]


@pytest.mark.parametrize("format", ["gnu", "pax"])
def test_long_names_and_links(format):
    path, target = "/".join(["directory"] * 40), "x" * 3000
    raw = archive([symlink(path, target)], FORMATS[format])
    assert (one(raw).path, one(raw).linkname) == (path, target)


def test_the_prefix_of_ustar_comes_before_the_name():
    path = "a" * 90 + "/" + "b" * 90
    assert one(archive([member(path)], tarfile.USTAR_FORMAT)).path == path


def test_a_historic_header_without_magic():
    header = bytearray(block(name=b"old/", type=b"\0"))
    header[257:500] = bytes(243)
    entry = one(resum(bytes(header)) + END)
    assert (entry.path, entry.kind) == ("old", "directory")


def test_numbers_in_base_256():
    header = bytearray(block())
    header[108:116] = b"\x80" + (3_000_000_000).to_bytes(7, "big")
    header[136:148] = (-5).to_bytes(12, "big", signed=True)
    entry = one(resum(bytes(header)) + END)
    assert (entry.uid, entry.mtime) == (3_000_000_000, -5 * 10**9)


def test_a_checksum_of_signed_bytes_as_old_systems_wrote_it():
    header = bytearray(block(name="ä".encode()))
    signed = sum(b - 256 if b > 127 else b for b in header[:148] + header[156:]) + 8 * 32
    header[148:156] = b"%06o\0 " % signed
    assert one(bytes(header) + END).path == "ä"


def test_global_pax_headers_hold_until_a_local_one_says_otherwise():
    raw = archive(
        [member("first"), member("second", pax_headers={"mtime": "7.000000001"})],
        pax_headers={"mtime": "3.5", "SCHILY.xattr.user.a": "b"},
    )
    first, second = (entry for entry, _ in read(raw))
    assert (first.mtime, second.mtime) == (3_500_000_000, 7_000_000_001)
    assert first.xattrs == second.xattrs == {"user.a": b"b"}


def test_extended_attributes_in_both_forms():
    headers = {
        "SCHILY.xattr.user.star": "v",
        "LIBARCHIVE.xattr.user.with%20space": "AAEC",
        "LIBARCHIVE.xattr.user.star": "bm90IHRoaXM=",
    }
    entry = one(archive([member("f", pax_headers=headers)]))
    assert entry.xattrs == {"user.star": b"v", "user.with space": b"\x00\x01\x02"}


def test_pax_size_counts_where_the_header_cannot_say_it():
    size, record = 700, b"12 size=700\n"
    pax = block(name=b"h", type=b"x", size=len(record)) + record.ljust(512, b"\0")
    raw = pax + block(size=0) + b"y" * size + bytes(1024 - size) + END
    assert read(raw)[0][1] == b"y" * size


def test_names_are_made_clean():
    raw = archive([directory("./"), member("/etc//./passwd"), directory("././a/")])
    assert [e.path for e, _ in read(raw)] == ["", "etc/passwd", "a"]


def test_what_follows_the_end_is_not_read_as_entries():
    assert len(read(archive([member("a")]) + b"\xff" * 5000)) == 1


def test_an_archive_may_end_without_its_zero_blocks():
    raw = archive([member("a", data=b"x")])[:1024]
    assert [e.path for e, _ in read(raw)] == ["a"]
    assert read(b"") == []


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (block()[:148] + b"000001\0 " + block()[156:], "checksum"),
        (resum(block()[:124] + b"not a number" + block()[136:]), "size"),
        (resum(block()[:124] + b"00000000009\0" + block()[136:]), "size"),
        (resum(block()[:124] + b"\xff" * 12 + block()[136:]), "not possible"),
        (block(type=b"Q"), "type"),
        (block(name=b""), "no name"),
        (block(type=b"2"), "without a target"),
        (block(type=b"x", size=512) + b"99 path=x\n".ljust(512, b"\0") + block(), "wrong length"),
        (block(type=b"x", size=512) + b"path=x\n".ljust(512, b"\0") + block(), "without a length"),
        (block(type=b"x", size=10) + b"10 path=\0\n".ljust(512, b"\0") + block(), "NUL"),
        (block(type=b"x", size=12) + b"12 mtime=xy\n".ljust(512, b"\0") + block(), "time"),
        (block(type=b"x", size=512), "ends inside"),
        (block(size=2000) + b"short", "ends inside"),
        (block()[:300], "ends inside"),
        (bytes(512) + block() + END, "zeros"),
        (block(type=b"S", size=0)[:386] + b"9" * 126 + END, "checksum"),
    ],
)
def test_lies_are_one_sentence_that_names_the_layer(broken, says):
    with pytest.raises(LayerError, match=says) as error:
        read(broken + (b"" if "ends" in says else END))
    assert error.value.message.startswith("layer x: ")
    assert "\n" not in error.value.message


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/..", "a/..", "..", "./../x"])
def test_a_path_with_dots_is_refused(name):
    with pytest.raises(UnsafePath, match=r"\.\."):
        read(archive([member(name)]))
    with pytest.raises(UnsafePath, match=r"\.\."):
        read(archive([hardlink("x", name)]))


def test_the_entry_is_named_in_the_error():
    raw = archive([member("first", data=b"1"), member("second", data=b"22")])
    with pytest.raises(LayerError, match="'second'"):
        read(raw[:1540])
    with pytest.raises(LayerError, match="the entry after 'first'"):
        read(raw[:1100])


def test_limits():
    many = archive([member(str(n)) for n in range(5)])
    with pytest.raises(LimitExceeded, match="more than 4 entries"):
        read(many, Limits(entries=4))
    with pytest.raises(LimitExceeded, match="components"):
        read(archive([member("a/" * 9 + "f")]), Limits(depth=8))
    with pytest.raises(LimitExceeded, match="extended header"):
        read(archive([member("a" * 3000)]), Limits(metadata=1000))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_never_a_crash(data):
    raw = bytearray(
        archive([directory("d"), member("d/" + "n" * 120, data=b"x" * 700), symlink("s", "t")])
    )
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(0, len(raw))) :]
    try:
        read(bytes(raw))
    except LayerError as error:
        assert error.message.startswith("layer x: ")

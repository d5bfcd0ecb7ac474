"""Archives of strangers taken apart by ``cp``: never a traceback, never a byte outside the root."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.engine.copying.extract import Extractor
from ocinb.errors import ContainerError
from tests.support.archives import archive, directory, hardlink, member, symlink
from tests.unit.layer.test_hostile import MEMBERS, facts


def extract(raw: bytes, root: Path, *, harmless: bool = False) -> None:
    root.mkdir(exist_ok=True)
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        Extractor(descriptor, "/", {}, None, harmless=harmless).extract(io.BytesIO(raw))
    finally:
        os.close(descriptor)


def pax(**headers: str) -> bytes:
    return archive([member("f", data=b"!", pax_headers=headers)])


IMPOSSIBLE = {
    "uid": (pax(uid=str(2**40)), "belongs to"),
    "gid of none": (pax(gid=str(2**32 - 1)), "belongs to"),
    "a negative uid": (pax(uid="-1"), "belongs to"),
    "no time": (pax(mtime="nan"), "time"),
    "a time after all": (pax(mtime="1e300"), "time"),
    "an endless time": (pax(mtime="inf"), "time"),
    "a hard link to the root": (archive([hardlink("f", "/")]), "hard link to a directory"),
    "a hard link to a directory": (
        archive([directory("d"), hardlink("f", "d")]),
        "hard link to a directory",
    ),
    "a hard link to nothing": (archive([hardlink("f", "")]), "link to what cannot be"),
    "a symbolic link to nothing": (archive([symlink("f", "")]), "link to what cannot be"),
    "a link with NUL": (
        archive([symlink("f", "x", pax_headers={"linkpath": "a\0b"})]),
        "link to what cannot be",
    ),
    "an unknown kind": (archive([member("f", b"Z")]), "kind that is not known"),
    "a device that there is not": (
        archive([member("f", tarfile.CHRTYPE, devmajor=2**20)], tarfile.GNU_FORMAT),
        "device 1048576:0",
    ),
    "a size that is no number": (pax(**{"GNU.sparse.map": "a,b"}), "not a tar archive"),
    "headers without end": (
        b"".join(pax(comment=str(n))[:1024] for n in range(2000)),
        "not a tar archive",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_cannot_be_is_said_and_takes_nothing_away(tmp_path: Path, case: str) -> None:
    raw, said = IMPOSSIBLE[case]
    (tmp_path / "f").write_text("mine")
    with pytest.raises(ContainerError, match=said):
        extract(raw, tmp_path)
    assert (tmp_path / "f").read_text() == "mine"


REFUSED = {
    "a file that ends early": archive([member("f", data=b"x" * 4096)])[:1536],
    "a link that is too long": archive([symlink("f", "x" * 5000)]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_fails_half_way_takes_nothing_away(tmp_path: Path, case: str) -> None:
    (tmp_path / "f").write_text("mine")
    with pytest.raises((ContainerError, OSError)):
        extract(REFUSED[case], tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"f": "mine"}


def test_a_directory_that_cannot_be_made_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_text("mine")
    make = os.mkdir

    def full(name: str, *arguments: object, **more: int) -> None:
        if not os.path.lexists(tmp_path / name):
            raise OSError(errno.ENOSPC, "full", name)
        make(name, *arguments, **more)

    with monkeypatch.context() as context, pytest.raises(OSError, match="full"):
        context.setattr(os, "mkdir", full)
        extract(archive([directory("f")]), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"f": "mine"}
    extract(archive([directory("f")]), tmp_path)
    assert [path.is_dir() for path in tmp_path.iterdir()] == [True]


@pytest.mark.parametrize("kind", ["file", "link", "fifo", "name"])
def test_each_kind_takes_the_place_of_a_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "f").write_text("mine")
    new = {
        "file": member("f", data=b"new"),
        "link": symlink("f", "other"),
        "fifo": member("f", tarfile.FIFOTYPE),
        "name": hardlink("f", "other"),
    }
    extract(archive([member("other", data=b"new"), new[kind]]), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f", "other"]
    assert (tmp_path / "f").is_fifo() if kind == "fifo" else (tmp_path / "f").read_text() == "new"


def test_a_link_to_what_is_missing_takes_nothing_away(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine")
    with pytest.raises(FileNotFoundError):
        extract(archive([hardlink("f", "missing")]), tmp_path)
    extract(archive([hardlink("f", "f")]), tmp_path)
    assert (tmp_path / "f").read_text() == "mine"


def test_an_entry_that_claims_to_be_endless_is_no_reason_to_read_for_ever(tmp_path: Path) -> None:
    raw = bytearray(archive([member("f", data=b"x")]))
    raw[124:136] = b"\x80" + b"\x7f" * 11  # the size, as a number of base 256
    raw[0:1] = b"."  # where it goes there is a directory already: it is skipped
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    for packed in (bytes(raw), gzip.compress(raw)):
        with pytest.raises(ContainerError, match="claims to be longer than all of it"):
            extract(packed, tmp_path)


@settings(max_examples=150, deadline=None)
@given(members=MEMBERS, harmless=st.booleans())
def test_no_combination_gets_out(tmp_path_factory, members, harmless):
    base = tmp_path_factory.mktemp("hostile")
    outside = base / "outside"
    outside.mkdir()
    (outside / "victim").write_text("untouched")
    before = facts(outside)
    with contextlib.suppress(ContainerError, OSError):
        extract(archive(members), base / "root", harmless=harmless)
    assert facts(outside) == before
    assert {path.name for path in base.iterdir()} == {"outside", "root"}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_lies_with_a_right_checksum_are_never_a_crash(tmp_path_factory, data):
    """Any field of any header may say anything."""
    headers = {"mtime": "1.5", "uid": "5", "GNU.sparse.size": "600"}
    raw = bytearray(archive([directory("d"), member("d/f", data=b"x" * 600, pax_headers=headers)]))
    where = data.draw(st.integers(0, len(raw) // 512 - 3)) * 512
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.sampled_from([0, 100, 108, 116, 124, 136, 156, 157, 257, 329, 337]))
        lie = data.draw(st.binary(min_size=1, max_size=12))
        raw[where + start : where + start + len(lie)] = lie
    raw[where + 148 : where + 156] = b" " * 8
    raw[where + 148 : where + 156] = b"%06o\0 " % sum(raw[where : where + 512])
    base = tmp_path_factory.mktemp("lies")
    with contextlib.suppress(ContainerError, OSError):
        extract(bytes(raw), base / "root")
    assert {path.name for path in base.iterdir()} == {"root"}

"""The whiteout rule itself, in both directions; what it does to trees is in ``test_unpack``."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocinb.errors import LayerError
from ocinb.layer import whiteout
from ocinb.layer.changeset import CHAR, FILE, OPAQUE, WHITEOUT, Entry


@pytest.mark.parametrize(
    ("path", "kind", "meant"),
    [
        ("a/.wh.b", WHITEOUT, "a/b"),
        (".wh.b", WHITEOUT, "b"),
        ("a/.wh..b", WHITEOUT, "a/.b"),
        ("a/.wh.wh.b", WHITEOUT, "a/wh.b"),
        ("a/.wh..wh..opq", OPAQUE, "a"),
        (".wh..wh..opq", OPAQUE, ""),
    ],
)
def test_a_name_says_what_goes_and_what_goes_says_the_name(
    path: str, kind: str, meant: str
) -> None:
    assert whiteout.from_archive(path) == (kind, meant)
    assert whiteout.to_archive(Entry(meant, kind)) == path


@pytest.mark.parametrize(
    "path", [".wh..wh.plnk", "a/.wh..wh.aufs", ".wh..wh.plnk/1.2", "a/.wh..wh.orph/b/c"]
)
def test_bookkeeping_of_aufs_means_nothing(path: str) -> None:
    assert whiteout.from_archive(path) == ("", path)


@pytest.mark.parametrize("path", ["a/b", "", "wh.a", "x.wh.a", "a.wh./b", "x.wh./y/z", ".whx"])
def test_other_names_are_ordinary(path: str) -> None:
    assert whiteout.from_archive(path) is None


@pytest.mark.parametrize(
    "path", [".wh.", "a/.wh.", "a/.wh..", "a/.wh...", ".wh.a/b", "a/.wh.b/c", "a/.wh.b/c/d"]
)
def test_what_no_whiteout_may_be(path: str) -> None:
    with pytest.raises(LayerError) as raised:
        whiteout.from_archive(path)
    assert raised.value.citation == "image-spec layer.md#whiteouts"


@pytest.mark.parametrize(
    ("mode", "device", "mark"),
    [
        (stat.S_IFCHR | 0o600, 0, True),
        (stat.S_IFCHR, os.makedev(1, 3), False),
        (stat.S_IFBLK, 0, False),
        (stat.S_IFREG | 0o644, 0, False),
    ],
)
def test_the_mark_of_overlayfs_is_the_character_device_0_0(
    mode: int, device: int, mark: bool
) -> None:
    assert whiteout.is_device(mode, device) == mark


def test_an_entry_that_overlayfs_would_take_for_a_mark() -> None:
    assert whiteout.is_mark(Entry("a", CHAR, device=(0, 0)))
    assert not whiteout.is_mark(Entry("a", CHAR, device=(0, 1)))
    assert not whiteout.is_mark(Entry("a", FILE, device=(0, 0)))


@pytest.mark.parametrize(
    ("name", "obeyed"),
    [
        ("trusted.overlay.redirect", True),
        ("user.overlay.opaque", True),
        ("user.fuseoverlayfs.uid", True),
        ("user.overlayfs", False),
        ("user.mine", False),
        ("security.capability", False),
    ],
)
def test_attributes_that_overlayfs_would_obey(name: str, obeyed: bool) -> None:
    assert whiteout.is_overlay_xattr(name) == obeyed


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("there", "needed", "left", "becomes_opaque"),
    [
        ((), True, set(), False),
        (("device",), True, {"n"}, False),
        (("device",), False, set(), False),
        (("mark",), True, {".wh.n"}, False),
        (("mark",), False, set(), False),
        (("mark", "file"), True, {"n"}, False),
        (("mark", "directory"), True, {"n"}, True),
        (("mark", "directory"), False, {"n"}, True),
        (("directory",), True, {"n"}, False),
    ],
)
def test_marks_are_settled(
    tmp_path: Path,
    directory: int,
    there: tuple[str, ...],
    needed: bool,
    left: set[str],
    becomes_opaque: bool,
) -> None:
    make = {
        "device": lambda: whiteout.make_device("n", directory),
        "mark": (tmp_path / ".wh.n").touch,
        "file": (tmp_path / "n").touch,
        "directory": (tmp_path / "n").mkdir,
    }
    for what in there:
        make[what]()
    assert whiteout.settle_mark("n", directory, needed=needed) == becomes_opaque
    assert {path.name for path in tmp_path.iterdir()} == left


def test_what_is_marked(tmp_path: Path, directory: int) -> None:
    assert not whiteout.is_marked("n", directory)
    (tmp_path / ".wh.n").touch()
    assert whiteout.is_marked("n", directory)
    (tmp_path / "n").touch()
    assert not whiteout.is_marked("n", directory)
    whiteout.make_device("gone", directory)
    assert whiteout.is_marked("gone", directory)


@pytest.mark.root
@pytest.mark.parametrize("user", [True, False])
def test_opaque_directories_carry_an_attribute(tmp_path: Path, directory: int, user: bool) -> None:
    assert not whiteout.is_opaque(directory)
    whiteout.make_opaque(directory, user=user)
    name = "user.overlay.opaque" if user else "trusted.overlay.opaque"
    assert os.listxattr(tmp_path) == [name]
    assert os.getxattr(tmp_path, name) == b"y"
    assert whiteout.is_opaque(directory)
    os.setxattr(tmp_path, name, b"x")
    assert not whiteout.is_opaque(directory)


def test_pruning_keeps_what_the_layer_itself_has(tmp_path: Path, directory: int) -> None:
    for name in ("own/deep/file", "own/other", "lower/file", "made/lower"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("lower")
    (tmp_path / "kept-link").symlink_to("nowhere")
    kept, reset = {"own/deep/file", "made", "kept-link"}, []
    assert whiteout.prune(directory, "", kept, reset)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["kept-link", "made", "own", "own/deep", "own/deep/file"]
    assert sorted(reset) == ["own", "own/deep"]
    assert not whiteout.prune_child(directory, "own", "own", (), [])
    assert not (tmp_path / "own").exists()


def test_pruning_beneath_counts_paths_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("one", "two"):
        (tmp_path / "a" / name).touch()
    fd = os.open(tmp_path / "a", os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert whiteout.prune(fd, "a", {"a/one"}, [])
    finally:
        os.close(fd)
    assert os.listdir(tmp_path / "a") == ["one"]


def test_a_link_is_a_name_like_any_other(tmp_path: Path, directory: int) -> None:
    (tmp_path / "n").symlink_to("nowhere")
    (tmp_path / ".wh.n").touch()
    assert not whiteout.is_marked("n", directory)


def test_an_empty_directory_of_the_layer_itself_stays_and_nothing_is_left_open(
    tmp_path: Path, directory: int
) -> None:
    (tmp_path / "made/lower").mkdir(parents=True)
    before = os.listdir("/proc/self/fd")
    assert whiteout.prune(directory, "", {"made"}, [])
    assert os.listdir("/proc/self/fd") == before
    assert [path.name for path in tmp_path.rglob("*")] == ["made"]

"""The difference of two trees, applied to the first, gives the second."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocinb.build.diff import diff
from ocinb.build.stack import Stack
from ocinb.errors import LayerError
from ocinb.layer import changeset
from ocinb.layer.changeset import Entry
from ocinb.layer.pack import pack
from ocinb.layer.unpack import unpack
from tests.support.tree import differences, snapshot

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
CONTENT = st.sampled_from([b"", b"x", b"y", b"longer"])
MODES = st.sampled_from([0o644, 0o755, 0o600, 0o4755])
TIMES = st.sampled_from([1_000_000_000, 1_500_000_000_123_456_789])

FILES = st.tuples(st.just("file"), NAMES, CONTENT, MODES, TIMES)
LINKS = st.tuples(st.just("symlink"), NAMES, st.sampled_from(["a", "/b", "../c"]), MODES, TIMES)
DIRECTORIES = st.tuples(st.just("directory"), NAMES, CONTENT, MODES, TIMES)
HARDLINKS = st.tuples(st.just("hardlink"), NAMES, NAMES, MODES, TIMES)
FIFOS = st.tuples(st.just("fifo"), NAMES, CONTENT, MODES, TIMES)
TREES = st.lists(st.one_of(FILES, FILES, LINKS, DIRECTORIES, HARDLINKS, FIFOS), max_size=8)


def make(root: Path, things: list[tuple[str, str, object, int, int]]) -> None:
    """A tree; what does not fit on what is there already is left out."""
    root.mkdir()
    for kind, name, value, mode, time in things:
        path = root / name
        if os.path.lexists(path):
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "file":
                path.write_bytes(value)
                path.chmod(mode)
            elif kind == "symlink":
                path.symlink_to(value)
            elif kind == "directory":
                path.mkdir(mode=0o700 | mode)
            elif kind == "hardlink":
                os.link(root / value, path, follow_symlinks=False)
            else:
                os.mkfifo(path, mode)
        except OSError:
            continue
        os.utime(path, ns=(time, time), follow_symlinks=False)
    for directory, _, _ in os.walk(root, topdown=False):
        os.utime(directory, (7, 7))


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory; hypothesis needs a new one for each example."""
    directory = Path(tempfile.mkdtemp())
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def layer(entries: Iterator[Entry]) -> io.BytesIO:
    blob = io.BytesIO()
    pack(entries, blob, compression="none")
    blob.seek(0)
    return blob


def described(old: Path, new: Path) -> list[tuple[str, str]]:
    entries = diff(Stack([old], marks=False), Stack([new], marks=False))
    return [(entry.kind, entry.path) for entry in entries]


@settings(deadline=None)
@given(TREES, TREES)
def test_applied_to_the_first_tree_it_gives_the_second(before: list, after: list) -> None:
    with scratch() as place:
        make(place / "old", before)
        make(place / "new", after)
        changes = diff(Stack([place / "old"], marks=False), Stack([place / "new"], marks=False))
        unpack(layer(changes), place / "old", form="tree")
        assert differences(snapshot(place / "old"), snapshot(place / "new")) == []


@settings(deadline=None)
@given(TREES, TREES)
def test_as_a_layer_over_the_first_it_shows_the_second(before: list, after: list) -> None:
    with scratch() as place:
        make(place / "old", before)
        make(place / "new", after)
        old, new = Stack([place / "old"]), Stack([place / "new"], marks=False)
        unpack(layer(diff(old, new)), place / "upper", lowers=[place / "old"])
        left = diff(old.over(place / "upper"), new)
        assert [e.path for e in left if e.kind != changeset.DIRECTORY] == []


@settings(deadline=None)
@given(TREES)
def test_a_tree_is_no_change_of_its_copy(things: list) -> None:
    with scratch() as place:
        make(place / "one", things)
        make(place / "two", things)
        assert described(place / "one", place / "two") == []


@settings(deadline=None)
@given(TREES, TREES)
def test_the_same_trees_give_the_same_bytes(before: list, after: list) -> None:
    with scratch() as place:
        archives = []
        for attempt in ("1", "2"):
            (place / attempt).mkdir()
            make(place / attempt / "old", before)
            make(place / attempt / "new", after)
            stacks = (Stack([place / attempt / n], marks=False) for n in ("old", "new"))
            archives.append(layer(diff(*stacks)).getvalue())
        assert archives[0] == archives[1]


class TestWhatIsAChange:
    @pytest.fixture
    def trees(self, tmp_path: Path) -> tuple[Path, Path]:
        for name in ("old", "new"):
            make(tmp_path / name, [
                ("file", "d/file", b"same", 0o644, 5 * 10**9),
                ("file", "other", b"same", 0o644, 5 * 10**9),
            ])  # fmt: skip
        return tmp_path / "old", tmp_path / "new"

    def test_a_mode_alone(self, trees: tuple[Path, Path]) -> None:
        old, new = trees
        (new / "d/file").chmod(0o600)
        assert described(old, new) == [("directory", ""), ("directory", "d"), ("file", "d/file")]

    def test_content_of_the_same_size_and_time(self, trees: tuple[Path, Path]) -> None:
        old, new = trees
        (new / "other").write_bytes(b"SAME")
        os.utime(new / "other", (5, 5))
        assert described(old, new) == [("directory", ""), ("file", "other")]

    def test_a_renamed_file_is_gone_there_and_new_here(self, trees: tuple[Path, Path]) -> None:
        old, new = trees
        (new / "other").rename(new / "renamed")
        os.utime(new, (7, 7))
        found = described(old, new)
        assert found == [("directory", ""), ("whiteout", "other"), ("file", "renamed")]

    def test_names_that_share_a_file_now(self, trees: tuple[Path, Path]) -> None:
        old, new = trees
        os.link(new / "other", new / "second")
        os.utime(new, (7, 7))
        found = described(old, new)
        assert found == [("directory", ""), ("file", "other"), ("hardlink", "second")]

    def test_names_that_no_longer_share_a_file(self, trees: tuple[Path, Path]) -> None:
        old, new = trees
        os.link(old / "other", old / "second")
        shutil.copy2(new / "other", new / "second")
        for tree in trees:
            os.utime(tree, (7, 7))
        assert described(old, new) == [("directory", ""), ("file", "second")]

    def test_one_of_several_names_gone_is_only_that(self, trees: tuple[Path, Path]) -> None:
        old, new = trees
        os.link(old / "other", old / "second")
        os.utime(old, (7, 7))
        assert described(old, new) == [("directory", ""), ("whiteout", "second")]

    def test_times_later_than_the_epoch_are_cut(self, trees: tuple[Path, Path]) -> None:
        old, new = trees
        (new / "other").write_text("now")
        changes = diff(Stack([old], marks=False), Stack([new], marks=False), epoch=3)
        assert {entry.mtime for entry in changes} == {3 * 10**9}

    def test_a_name_that_would_delete_in_a_layer_is_refused(self, trees: tuple[Path, Path]) -> None:
        old, new = trees
        (new / ".wh.other").write_text("")
        with pytest.raises(LayerError, match="begins with"):
            described(old, new)


class TestUpperDirectories:
    """A container's changes, in the form of overlayfs."""

    def test_a_file_that_was_only_copied_up_is_no_change(self, tmp_path: Path) -> None:
        for name in ("lower", "upper"):
            make(tmp_path / name, [("file", "a", b"x", 0o644, 10**9)])
        below = Stack([tmp_path / "lower"])
        assert list(diff(below, below.over(tmp_path / "upper"))) == []

    def test_mount_points_are_no_change_unless_filled(self, tmp_path: Path) -> None:
        make(tmp_path / "lower", [])
        make(tmp_path / "upper", [
            ("directory", "proc", b"", 0o755, 10**9),
            ("file", "etc/hosts", b"", 0o644, 10**9),
            ("file", "dev/null", b"not empty", 0o644, 10**9),
        ])  # fmt: skip
        below = Stack([tmp_path / "lower"])
        points = frozenset({"proc", "etc", "etc/hosts", "dev"})
        found = diff(below, below.over(tmp_path / "upper"), unless_filled=points, root_time=False)
        assert [entry.path for entry in found] == ["", "dev", "dev/null"]

    def test_what_overlayfs_renamed_by_a_note_is_refused(self, tmp_path: Path) -> None:
        make(tmp_path / "lower", [("file", "d/a", b"x", 0o644, 10**9)])
        make(tmp_path / "upper", [("directory", "moved", b"", 0o755, 10**9)])
        try:
            os.setxattr(tmp_path / "upper/moved", "user.overlay.redirect", b"/d")
        except OSError:
            pytest.skip("no user xattrs on this filesystem")
        below = Stack([tmp_path / "lower"])
        with pytest.raises(LayerError, match="renamed by overlayfs"):
            list(diff(below, below.over(tmp_path / "upper")))

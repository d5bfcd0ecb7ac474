"""The index that unpacking leaves says what a walk of the files would."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings

from ocinb.errors import LayerError
from ocinb.layer.changeset import KINDS
from ocinb.layer.index import KIND_OF, LayerIndex, Row
from ocinb.layer.index_walk import index_directory
from ocinb.layer.stack import Place, Stack
from ocinb.layer.unpack import unpack
from ocinb.layer.unpacked import UnpackedLayers
from ocinb.spec import media_types
from ocinb.spec.descriptor import describe
from ocinb.spec.digest import digest_of
from tests.support.archives import Member, archive, directory, hardlink, member, symlink
from tests.support.changesets import LAYERS
from tests.support.which_layer import PRESENT, which_layer

Tree = dict[str, tuple[object, ...]]


def indexes(layers: list[list[Member]], work: Path) -> tuple[list[Path], list[LayerIndex]]:
    """Unpack layers over each other."""
    lowers: list[Path] = []
    found = []
    for number, members in enumerate(layers):
        target = work / str(number)
        done = unpack(io.BytesIO(archive(members)), target, lowers=lowers)
        assert done.index is not None
        found.append(done.index)
        lowers.append(target)
    return lowers, found


def one(work: Path, *members: Member) -> LayerIndex:
    return indexes([list(members)], work)[1][0]


def walked(root: Path) -> Tree:
    """What lstat says of every path of a tree."""
    tree: Tree = {}
    waiting = [root]
    while waiting:
        path = waiting.pop()
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        name = str(path.relative_to(root)) if path != root else ""
        tree[name] = (
            kind,
            # A symbolic link has no mode of its own.
            stat.S_IMODE(status.st_mode) if kind != stat.S_IFLNK else 0,
            status.st_uid,
            status.st_gid,
            status.st_size if kind == stat.S_IFREG else 0,
            status.st_mtime_ns if name else 0,  # overlayfs has a time of its own for the root
            os.readlink(path) if kind == stat.S_IFLNK else "",
        )
        if kind == stat.S_IFDIR:
            waiting += [path / child for child in os.listdir(path)]
    return tree


TYPES = dict(
    zip(
        KINDS[:7],
        (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, 0, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK),
        strict=True,
    )
)


def fact(row: Row) -> tuple[object, ...]:
    kind = TYPES[row.kind]
    return (
        kind,
        row.mode if kind != stat.S_IFLNK else 0,
        row.uid,
        row.gid,
        row.size,
        row.mtime if row.path else 0,
        row.target if kind == stat.S_IFLNK else "",
    )


def computed(stack: Stack) -> Tree:
    return {path: fact(stack.row(stack.inode(place))) for path, place in stack.shown.items()}


@pytest.mark.root
@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layers=LAYERS)
@example(layers=[[member("a/a")], [member("a/a"), member(".wh.a"), member("a"), directory("a")]])
@example(layers=[[member("a/b/c")], [member("a/b/c"), member(".wh.a"), member("a")]])
@example(layers=[[symlink("a", "/b"), directory("b")], [member("a/c"), member(".wh.a")]])
@example(layers=[[member("a")], [hardlink("b", "a"), member(".wh.a")]])
@example(layers=[[directory("b", mode=0o744)], [directory("b/a"), member(".wh..wh..opq")]])
def test_the_stack_of_indexes_is_what_overlayfs_shows(tmp_path_factory, layers):
    work = tmp_path_factory.mktemp("stack")
    try:
        directories, found = indexes(layers, work)
    except LayerError:
        return
    stack = Stack(found)
    for name in ("empty", "merged"):
        (work / name).mkdir()
    lower = ":".join(map(str, [*reversed(directories), work / "empty"]))
    mount = ["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={lower}", work / "merged"]
    subprocess.run(mount, check=True)
    try:
        assert computed(stack) == walked(work / "merged")
    finally:
        subprocess.run(["umount", work / "merged"], check=True)
    for path, place in stack.shown.items():
        verdict = which_layer(directories, path)
        assert verdict is not None
        assert (verdict.state, verdict.index) == (PRESENT, place.layer)
    # A layer that was unpacked before there were indexes is walked, to the same effect.
    again = Stack([index_directory(path) for path in directories])
    assert computed(again) == computed(stack)
    assert again.counts == stack.counts
    # And the file says what was in memory.
    decoded = [LayerIndex.decode(index.encode()) for index in found]
    for before, after in zip(found, decoded, strict=True):
        assert [before.row(n) for n in range(len(before))] == [
            after.row(n) for n in range(len(after))
        ]
        assert before.xattrs == after.xattrs


def test_an_entry_has_what_the_archive_says(tmp_path):
    index = one(
        tmp_path,
        member("usr/bin/id", data=b"12345", mode=0o4755, mtime=20.5),
        symlink("bin", "usr/bin"),
        hardlink("usr/bin/same", "usr/bin/id"),
    )
    assert index.paths == ["", "bin", "usr", "usr/bin", "usr/bin/id", "usr/bin/same"]
    assert index.row(4) == Row(
        "usr/bin/id", "file", 0o4755, 0, 0, 5, 20_500_000_000, "", False, False
    )
    assert (index.row(1).kind, index.row(1).target) == ("symlink", "usr/bin")
    assert (index.row(5).kind, index.row(5).target) == ("hardlink", "usr/bin/id")
    assert index.row(5).size == 5
    assert [index.row(n).implied for n in range(4)] == [True, False, True, True]
    assert index.content == 5, "however many names it has"


def test_names_that_are_no_text_and_attributes_survive_the_file(tmp_path):
    info, data = member(os.fsdecode(b"caf\xe9\nb"), data=b"x")
    info.pax_headers = {"SCHILY.xattr.user.comment": "a value"}
    index = LayerIndex.decode(one(tmp_path, (info, data)).encode())
    assert os.fsencode(index.paths[1]) == b"caf\xe9\nb"
    assert index.xattrs == {1: {"user.comment": b"a value"}}


def test_a_file_replaced_with_all_that_was_beneath_it(tmp_path):
    index = one(tmp_path, member("a/b/c"), member("a/b/d"), member("a/b"), member("e"))
    assert index.paths == ["", "a", "a/b", "e"]
    assert KIND_OF[index.kinds[2]] == "file"


def test_of_the_names_of_a_file_whose_first_is_replaced_another_one_is_the_file(tmp_path):
    index = one(
        tmp_path,
        member("a", data=b"123"),
        hardlink("b", "a"),
        hardlink("c", "b"),
        member("a", data=b"4"),
    )
    assert [(r.path, r.kind, r.size, r.target) for r in map(index.row, range(1, 4))] == [
        ("a", "file", 1, ""),
        ("b", "file", 3, ""),
        ("c", "hardlink", 3, "b"),
    ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-20],
        lambda data: data[:30] + bytes([data[30] ^ 1]) + data[31:],
        lambda data: b"\0" * len(data),
    ],
)
def test_a_damaged_file_is_told_and_made_again(tmp_path, damage):
    raw = archive([member(f"d{n % 7}/f{n}", data=b"x" * n) for n in range(50)])
    diff = digest_of(raw)
    layers = UnpackedLayers(tmp_path)
    layers.add(diff, describe(raw, media_types.LAYER_TAR), diff, io.BytesIO(raw))
    (path,) = (tmp_path / "records").glob("*.index")
    whole, paths = path.read_bytes(), layers.index(diff).paths
    path.write_bytes(damage(whole))
    with pytest.raises(LayerError, match="index cannot be read"):
        LayerIndex.decode(path.read_bytes())
    assert layers.index(diff).paths == paths
    assert LayerIndex.decode(path.read_bytes()).paths == paths, "written again"
    layers.remove(diff)
    assert list((tmp_path / "records").iterdir()) == []
    with pytest.raises(LayerError, match="is not unpacked"):
        layers.index(diff)


def stack_of(work: Path, *layers: list[Member]) -> Stack:
    return Stack(indexes(list(layers), work)[1])


def counts(work: Path, *layers: list[Member]) -> list[tuple[int, int, int]]:
    return [(c.added, c.changed, c.deleted) for c in stack_of(work, *layers).counts]


BASE = [directory("etc"), member("etc/motd", data=b"hello"), member("etc/passwd")]


def test_the_first_layer_adds_its_root_too(tmp_path):
    assert counts(tmp_path, BASE) == [(4, 0, 0)]


def test_a_directory_listed_again_is_no_change_a_file_and_another_mode_are(tmp_path):
    assert counts(tmp_path, BASE, [directory("etc"), member("etc/motd")])[1] == (0, 1, 0)
    (tmp_path / "other").mkdir()
    assert counts(tmp_path / "other", BASE, [directory("etc", mode=0o700)])[1] == (0, 1, 0)


@pytest.mark.parametrize(
    ("upper", "expected"),
    [
        ([member("etc/.wh.motd")], (0, 0, 1)),
        ([member(".wh.etc")], (0, 0, 3)),
        ([member("etc/.wh.nothing"), member("no/.wh.such")], (0, 0, 0)),
        ([member("etc/new"), member("etc/.wh..wh..opq")], (1, 0, 2)),
        ([member("etc/.wh..wh..opq"), member("etc/motd")], (0, 1, 1)),
        ([member(".wh..wh..opq")], (0, 0, 3)),
        ([directory("etc/motd"), member("etc/motd/today")], (1, 1, 0)),
        ([member("etc")], (0, 1, 2)),
    ],
)
def test_what_is_deleted_and_replaced_is_counted_by_paths(tmp_path, upper, expected):
    assert counts(tmp_path, BASE, upper)[1] == expected


def test_a_loss_names_who_hides_and_how(tmp_path):
    stack = stack_of(tmp_path, BASE, [member("etc/motd")], [member(".wh.etc")])
    told = [(stack.row(x.place).path, x.place.layer, x.layer, x.how, x.by) for x in stack.losses]
    assert told == [
        ("etc/motd", 0, 1, "replaced", "etc/motd"),
        ("etc", 1, 2, "deleted", "etc"),
        ("etc/motd", 1, 2, "deleted", "etc"),
        ("etc/passwd", 0, 2, "deleted", "etc"),
    ]


def test_paths_are_resolved_inside_the_stack(tmp_path):
    stack = stack_of(
        tmp_path,
        [
            symlink("lib", "usr/lib"),
            member("usr/lib/a"),
            symlink("usr/lib/out", "../../../../etc/passwd"),
            symlink("loop", "loop"),
            symlink("abs", "/lib/a"),
        ],
        [member("usr/lib/b"), member("etc/passwd"), hardlink("twin", "abs")],
    )
    assert stack.resolve("/lib//b") == "usr/lib/b"
    assert stack.resolve("lib/../lib/./a") == "usr/lib/a"
    assert stack.resolve("../../lib/out") == "etc/passwd"
    assert stack.resolve("abs") == stack.resolve("twin") == "usr/lib/a"
    assert stack.resolve("abs", follow=False) == "abs"
    assert stack.resolve("/") == ""
    for path, words in (
        ("/loop", "too many"),
        ("/lib/c", "no /usr/lib/c, to which /lib/c leads"),
        ("/etc/passwd/x", "no /etc/passwd, to which"),
        ("/nowhere", "no /nowhere"),
    ):
        with pytest.raises(LayerError, match=words):
            stack.resolve(path)


def test_what_lies_beneath_a_path_comes_in_order(tmp_path):
    stack = stack_of(tmp_path, [member("a/b"), member("a-b"), member("a/a/c")], [member("a/.wh.b")])
    assert list(stack.beneath("")) == ["", "a", "a/a", "a/a/c", "a-b"]
    assert stack.children("a") == ["a"]
    assert list(stack.beneath("a/b")) == []
    assert stack.mentions["a/b"] == [Place(0, 4), Place(1, 2)]


def test_what_goes_away_while_a_tree_is_walked_was_not_there(tmp_path: Path) -> None:
    stays = tmp_path / "stays"
    stays.write_text("here")
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            for number in range(20):
                (tmp_path / f"d{number}/e").mkdir(parents=True)
                (tmp_path / f"f{number}").write_text("")
            for number in range(20):
                shutil.rmtree(tmp_path / f"d{number}")
                (tmp_path / f"f{number}").unlink()

    changing = threading.Thread(target=come_and_go)
    changing.start()
    try:
        for _ in range(50):
            assert "stays" in index_directory(tmp_path).numbers
    finally:
        over.set()
        changing.join()

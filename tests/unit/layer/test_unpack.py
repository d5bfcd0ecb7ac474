"""Unpacking: what the specification says becomes of each entry, in both forms of a target."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from ocinb.errors import DigestMismatch, LayerError, LimitExceeded
from ocinb.layer.changeset import Limits
from ocinb.layer.unpack import unpack
from ocinb.spec.digest import Digest, digest_of
from tests.support.archives import archive, directory, hardlink, layer, member, symlink

FORMS = ["tree", "overlay"]
both_forms = pytest.mark.parametrize("form", FORMS)


def tree_of(root: Path) -> dict[str, str]:
    """Path → content, ``/`` for a directory, ``-> target`` for a link."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_dir():
            found[name] = "/"
        else:
            found[name] = path.read_text() if path.is_file() else "special"
    return found


def apply(target: Path, *layers: io.BytesIO) -> dict[str, str]:
    """Layers one over the other in one tree."""
    for blob in layers:
        unpack(blob, target, form="tree")
    return tree_of(target)


# The examples of image-spec layer.md, as they stand there.

BASE = [
    directory("./"),
    directory("./etc/"),
    member("./etc/my-app-config", data=b"config"),
    directory("./bin/"),
    member("./bin/my-app-binary", data=b"binary"),
    member("./bin/my-app-tools", data=b"tools"),
]


def test_the_example_of_representing_changes(tmp_path):
    changes = layer(
        directory("./etc/my-app.d/"),
        member("./etc/my-app.d/default.cfg", data=b"default"),
        member("./bin/my-app-tools", data=b"new tools"),
        member("./etc/.wh.my-app-config"),
    )
    assert apply(tmp_path / "t", layer(*BASE), changes) == {
        "bin": "/",
        "bin/my-app-binary": "binary",
        "bin/my-app-tools": "new tools",
        "etc": "/",
        "etc/my-app.d": "/",
        "etc/my-app.d/default.cfg": "default",
    }


def test_the_example_of_whiteouts(tmp_path):
    base = layer(
        member("file1"), directory("a"), member("a/file2"), directory("b"), member("c/file3")
    )
    changes = layer(member(".wh.file1"), member("a/.wh.file2"), member(".wh.b"), member("file4"))
    assert apply(tmp_path / "t", base, changes) == {"a": "/", "c": "/", "c/file3": "", "file4": ""}


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_example_of_an_opaque_whiteout_in_either_order(tmp_path, order):
    base = layer(directory("a/"), directory("a/b/"), directory("a/b/c/"), member("a/b/c/bar"))
    added = [directory("a/b/"), directory("a/b/c/"), member("a/b/c/foo")]
    opaque = member("a/.wh..wh..opq")
    second = [opaque, *added] if order == "before" else [*added, opaque]
    assert apply(tmp_path / "t", base, layer(directory("a/"), *second)) == {
        "a": "/",
        "a/b": "/",
        "a/b/c": "/",
        "a/b/c/foo": "",
    }


@pytest.mark.parametrize("order", [1, -1])
def test_a_whiteout_does_not_remove_what_its_own_layer_adds(tmp_path, order):
    base = layer(member("f", data=b"old"), member("d/old"))
    added = [member("f", data=b"new"), member("d/new"), member(".wh.f"), member(".wh.d")]
    assert apply(tmp_path / "t", base, layer(*added[::order])) == {
        "f": "new",
        "d": "/",
        "d/new": "",
    }


def test_a_whiteout_of_nothing_makes_nothing(tmp_path):
    blobs = layer(member("no/such/.wh.file"), member("none/.wh..wh..opq"))
    assert apply(tmp_path / "t", blobs) == {}


@pytest.mark.parametrize("name", [".wh.", "d/.wh..", "d/.wh...", ".wh.d/file"])
@both_forms
def test_names_that_no_whiteout_may_have(tmp_path, name, form):
    with pytest.raises(LayerError, match="layer"):
        unpack(layer(directory("d"), member(name)), tmp_path / "t", form=form)


def test_aufs_bookkeeping_is_ignored_and_told(tmp_path):
    blob = layer(directory(".wh..wh.plnk"), member(".wh..wh.plnk/12.34"), member("f"))
    done = unpack(blob, tmp_path / "t")
    assert tree_of(tmp_path / "t") == {"f": ""}
    assert done.ignored == (".wh..wh.plnk", ".wh..wh.plnk/12.34")


# Applying over what exists. Spec: layer.md#changeset-over-existing-files

REPLACEMENTS = {
    "a file by a directory": (
        [member("x", data=b"1")],
        [directory("x"), member("x/y")],
        {"x": "/", "x/y": ""},
    ),
    "a directory by a file": (
        [directory("x"), member("x/y")],
        [member("x", data=b"1")],
        {"x": "1"},
    ),
    "a link by a directory": (
        [symlink("x", "target"), member("target/old")],
        [directory("x")],
        {"x": "/", "target": "/", "target/old": ""},
    ),
    "a link by a file": (
        [symlink("x", "f"), member("f", data=b"kept")],
        [member("x", data=b"1")],
        {"x": "1", "f": "kept"},
    ),
    "a directory by a link": (
        [directory("x"), member("x/y")],
        [symlink("x", "elsewhere")],
        {"x": "-> elsewhere"},
    ),
    "a fifo by a file": (
        [member("x", tarfile.FIFOTYPE)],
        [member("x", data=b"1")],
        {"x": "1"},
    ),
}


@pytest.mark.parametrize("case", REPLACEMENTS)
@both_forms
def test_an_entry_replaces_what_has_its_name(tmp_path, case, form):
    """In one layer the later entry wins; in two the upper one; the tree is the same."""
    before, after, expected = REPLACEMENTS[case]
    unpack(layer(*before, *after), tmp_path / "one", form=form)
    assert tree_of(tmp_path / "one") == expected
    assert apply(tmp_path / "two", layer(*before), layer(*after)) == expected


@both_forms
def test_a_directory_keeps_its_children_and_takes_new_attributes(tmp_path, form):
    blob = layer(directory("d", mode=0o700), member("d/f"), directory("d", mode=0o511, mtime=5))
    unpack(blob, tmp_path / "t", form=form)
    status = (tmp_path / "t/d").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o511, 5)
    assert (tmp_path / "t/d/f").exists()


@pytest.mark.root
@pytest.mark.parametrize("group", [0, 5])
@both_forms
def test_owners_whatever_was_there_before(tmp_path, form, group):
    """A lower layer's directory, and the group of a set-group-ID directory above."""
    (tmp_path / "project").mkdir()
    os.chown(tmp_path / "project", 0, 4242)
    (tmp_path / "project").chmod(0o2755)
    first = layer(directory("d", uid=1000, gid=1000), member("d/f", uid=1000))
    second = layer(directory("d", gid=group), directory("d/e", gid=group), member("d/f", gid=group))
    targets = [tmp_path / "project" / name for name in ("a", "b" if form == "overlay" else "a")]
    for blob, target in zip((first, second), targets, strict=True):
        unpack(blob, target, form=form)
    for path in ("d", "d/e", "d/f"):
        status = (targets[1] / path).stat()
        assert (status.st_uid, status.st_gid) == (0, group)


def test_a_directory_loses_the_attributes_that_its_new_entry_does_not_name(tmp_path):
    """Spec: image-spec layer.md#changeset-over-existing-files"""
    old = {"SCHILY.xattr.user.old": "1", "SCHILY.xattr.user.both": "1"}
    first = layer(directory("d", pax_headers=old), directory("passed", pax_headers=old))
    second = layer(directory("d", pax_headers={"SCHILY.xattr.user.both": "2"}), member("passed/f"))
    for blob in (first, second):
        unpack(blob, tmp_path / "t", form="tree")
    assert os.listxattr(tmp_path / "t/d") == ["user.both"]
    assert os.getxattr(tmp_path / "t/d", "user.both") == b"2"
    assert sorted(os.listxattr(tmp_path / "t/passed")) == ["user.both", "user.old"]


@both_forms
def test_attributes(tmp_path, form):
    headers = {"mtime": "1.123456789", "SCHILY.xattr.user.note": "a value"}
    blob = layer(
        directory("d", mode=0o1755, mtime=7),
        member("d/setuid", mode=0o6711, pax_headers=headers),
        member("d/secret", mode=0),
        symlink("d/link", "anywhere", pax_headers={"mtime": "2.5"}),
        member("pipe", tarfile.FIFOTYPE, mode=0o620),
    )
    unpack(blob, tmp_path / "t", form=form)
    root = tmp_path / "t"
    modes = {p: oct((root / p).lstat().st_mode)[-4:] for p in ("d", "d/setuid", "d/secret", "pipe")}
    assert modes == {"d": "1755", "d/setuid": "6711", "d/secret": "0000", "pipe": "0620"}
    assert (root / "d/setuid").stat().st_mtime_ns == 1_123_456_789
    assert (root / "d/link").lstat().st_mtime_ns == 2_500_000_000
    assert (root / "d").stat().st_mtime == 7, "set after its content"
    assert os.getxattr(root / "d/setuid", "user.note") == b"a value"


@both_forms
def test_modes_do_not_depend_on_the_umask(tmp_path, form):
    before = os.umask(0o077)
    try:
        unpack(
            layer(member("a/f", mode=0o666), directory("d", mode=0o777)), tmp_path / "t", form=form
        )
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / "t" / p).stat().st_mode) for p in ("a", "a/f", "d")]
    assert modes == [0o755, 0o666, 0o777]


@both_forms
def test_hard_links_across_directories(tmp_path, form):
    blob = layer(member("a/f", data=b"x"), hardlink("b/g", "a/f"), hardlink("b/h", "/b/g"))
    unpack(blob, tmp_path / "t", form=form)
    inodes = {(tmp_path / "t" / p).stat().st_ino for p in ("a/f", "b/g", "b/h")}
    assert len(inodes) == 1


@both_forms
@pytest.mark.parametrize("target", ["missing", "x", "d"])
def test_a_hard_link_to_nothing_itself_or_a_directory(tmp_path, form, target):
    with pytest.raises(LayerError, match="hard link"):
        unpack(layer(directory("d"), hardlink("x", target)), tmp_path / "t", form=form)
    assert not (tmp_path / "t").exists()


def test_overlay_overrides_of_an_archive_are_not_obeyed(tmp_path):
    headers = {"SCHILY.xattr.user.overlay.redirect": "/etc", "SCHILY.xattr.user.fine": "1"}
    done = unpack(layer(directory("d", pax_headers=headers)), tmp_path / "t")
    assert os.listxattr(tmp_path / "t/d") == ["user.fine"]
    assert done.xattrs_skipped == 1
    assert "redirect" in str(done.skipped)


def test_the_mark_of_overlayfs_is_no_device_of_an_archive(tmp_path):
    done = unpack(layer(member("x", tarfile.CHRTYPE)), tmp_path / "t", form="tree")
    assert done.devices_skipped == 1
    assert tree_of(tmp_path / "t") == {}


# The overlay form over other layers.


def stack(tmp_path: Path, *layers: io.BytesIO) -> list[Path]:
    """Each layer in a directory of its own, told of those below it."""
    lowers: list[Path] = []
    for number, blob in enumerate(layers):
        target = tmp_path / f"layer{number}"
        unpack(blob, target, lowers=lowers, user_xattrs=True)
        lowers.append(target)
    return lowers


def test_parents_that_are_not_named_stay_as_they_are_below(tmp_path):
    base = layer(directory("tmp", mode=0o1777, mtime=9), symlink("lib", "usr/lib"))
    above = layer(member("tmp/f"), member("lib/so", data=b"!"), member("new/f"))
    _, top = stack(tmp_path, base, above)
    status = (top / "tmp").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o1777, 9)
    assert (top / "usr/lib/so").read_text() == "!"
    assert not (top / "lib").exists()


def test_a_hard_link_to_a_lower_file_copies_it_up(tmp_path):
    base = layer(member("a/f", data=b"content", mode=0o640, mtime=3))
    _, top = stack(tmp_path, base, layer(hardlink("g", "a/f")))
    assert (top / "g").read_text() == "content"
    assert (top / "g").stat().st_ino == (top / "a/f").stat().st_ino
    assert ((top / "g").stat().st_mtime, (top / "g").stat().st_mode & 0o777) == (3, 0o640)


def test_marks_of_the_overlay_form(tmp_path):
    base = layer(member("f"), member("d/x"), member("again/x"))
    above = layer(
        member(".wh.f"), member("d/.wh..wh..opq"), member(".wh.again"), directory("again")
    )
    _, top = stack(tmp_path, base, above)
    status = (top / "f").lstat()
    assert stat.S_ISCHR(status.st_mode)
    assert status.st_rdev == 0
    for name in ("d", "again"):
        assert os.getxattr(top / name, "user.overlay.opaque") == b"y"


def test_a_mark_that_hides_nothing_is_left_out(tmp_path):
    """Overlayfs would list it in a directory that no other layer has."""
    [only] = stack(tmp_path, layer(directory("d"), member("d/.wh.x"), member(".wh.y")))
    assert tree_of(only) == {"d": "/"}


def test_where_no_device_can_be_made_the_marks_are_files(tmp_path, monkeypatch):
    """As fuse-overlayfs reads them; a directory made after its removal becomes opaque."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "operation not permitted")

    monkeypatch.setattr(os, "mknod", refuse)
    base = layer(member("f"), member("g"), member("d/old"))
    above = layer(member(".wh.f"), member(".wh.g"), member("g"), member(".wh.d"), directory("d"))
    third = layer(hardlink("h", "g"), member("d/new"))
    _, middle, top = stack(tmp_path, base, above, third)
    assert tree_of(middle) == {".wh.f": "", "d": "/", "g": ""}
    assert os.getxattr(middle / "d", "user.overlay.opaque") == b"y"
    assert tree_of(top) == {"d": "/", "d/new": "", "g": "", "h": ""}
    with pytest.raises(LayerError, match="does not exist"):
        unpack(layer(hardlink("h", "f")), tmp_path / "x", lowers=[tmp_path / "layer0", middle])


def test_without_knowing_the_layers_below_every_mark_is_kept(tmp_path):
    unpack(layer(member(".wh.y")), tmp_path / "t", lowers=None)
    assert tree_of(tmp_path / "t") == {"y": "special"}


# Digests, limits, damage.


def test_the_diff_id_is_of_all_bytes_also_those_after_the_end(tmp_path):
    raw = archive([member("f")]) + b"trailing" * 1000
    done = unpack(io.BytesIO(gzip.compress(raw)), tmp_path / "t", diff_id=digest_of(raw))
    assert (done.diff_id, done.size) == (digest_of(raw), len(raw))


@both_forms
def test_another_diff_id_leaves_nothing(tmp_path, form):
    other = Digest("sha256:" + "0" * 64)
    with pytest.raises(DigestMismatch, match="diffID"):
        unpack(layer(member("f")), tmp_path / "t", diff_id=other, form=form)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [5, 60, -1, -9])
def test_a_truncated_layer_leaves_nothing(tmp_path, cut):
    blob = layer(*(member(f"f{n}", data=os.urandom(3000)) for n in range(9))).getvalue()
    with pytest.raises(LayerError, match="ends too early"):
        unpack(io.BytesIO(blob[:cut]), tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_stopped(tmp_path):
    blob = layer(member("zeros", data=bytes(50 << 20)))
    limits = Limits(ratio=100, ratio_floor=1 << 20)
    with pytest.raises(LimitExceeded, match="100 times"):
        unpack(blob, tmp_path / "t", limits=limits)
    blob.seek(0)
    with pytest.raises(LimitExceeded, match="1,000,000 bytes"):
        unpack(blob, tmp_path / "t", limits=Limits(size=1_000_000))
    assert list(tmp_path.iterdir()) == []


def test_a_sparse_file_counts_with_its_holes(tmp_path):
    headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.size": str(1 << 50),
        "GNU.sparse.numblocks": "1",
        "GNU.sparse.map": "100,5",
    }
    blob = layer(member("holes", data=b"12345", pax_headers=headers))
    with pytest.raises(LimitExceeded, match="files"):
        unpack(blob, tmp_path / "t")


def test_a_target_that_holds_something_is_refused_and_kept(tmp_path):
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(LayerError, match="not empty"):
        unpack(layer(member("f")), tmp_path)
    assert (tmp_path / "mine").read_text() == "kept"


def test_entries_are_told_as_they_are_applied(tmp_path):
    told = []
    blob = layer(directory("d"), member("d/.wh.x"), member("d/f"))
    done = unpack(blob, tmp_path / "t", on_entry=lambda e: told.append((e.kind, e.path)))
    assert told == [("directory", "d"), ("whiteout", "d/x"), ("file", "d/f")]
    assert (done.entries, done.files, done.directories, done.whiteouts) == (3, 1, 1, 1)


def test_limits_as_text():
    assert Limits.parse("") == Limits()
    assert Limits.parse("size=2T, ratio=1000,entries=3") == Limits(
        size=2 << 40, ratio=1000, entries=3
    )
    for wrong in ("size", "size=", "size=-1", "size=1X", "weight=3", "size=1 2"):
        with pytest.raises(LayerError, match="is not a limit for layers") as caught:
            Limits.parse(wrong)
        assert "ratio" in str(caught.value.hint)

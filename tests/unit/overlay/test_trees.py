"""Layers applied to a plain tree, without mounting anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ocinb.overlay.trees import copy_layers, remove_tree


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_whiteouts_opaque_directories_and_replaced_types_are_applied(tmp_path: Path) -> None:
    low, high, target = (tmp_path / name for name in ("low", "high", "target"))
    for path in ("gone", "doc/old", "was-file", "was-dir/inside", "kept/a"):
        (low / path).parent.mkdir(parents=True, exist_ok=True)
        (low / path).write_text(f"low {path}")
    (low / "was-link").symlink_to("/etc")
    high.mkdir()
    os.mknod(high / "gone", 0o020000, 0)
    (high / "doc").mkdir()
    os.setxattr(high / "doc", "user.overlay.opaque", b"y")
    (high / "doc/new").touch()
    (high / "was-file").mkdir()
    (high / "was-dir").write_text("a file now")
    (high / "was-link").mkdir()
    (high / "was-link/own").touch()
    (high / "kept").mkdir()
    (high / "kept/b").touch()
    target.mkdir()

    copy_layers([str(low), str(high)], str(target))

    assert names(target) == {
        "doc", "doc/new", "was-file", "was-dir", "was-link", "was-link/own",
        "kept", "kept/a", "kept/b",
    }  # fmt: skip
    assert (target / "was-dir").read_text() == "a file now"
    assert not (target / "was-link").is_symlink()
    assert "user.overlay.opaque" not in os.listxattr(target / "doc")


def test_marks_that_are_files_are_whiteouts_too(tmp_path: Path) -> None:
    """Where no device 0:0 may be made, unpacking leaves ``.wh.NAME``; no layer can hold one."""
    low, high, target = (tmp_path / name for name in ("low", "high", "target"))
    for path in ("gone", "replaced/old", "kept"):
        (low / path).parent.mkdir(parents=True, exist_ok=True)
        (low / path).touch()
    (high / "replaced").mkdir(parents=True)
    (high / "replaced/new").touch()
    for name in (".wh.gone", ".wh.replaced", ".wh.never-there", ".wh...", ".wh.."):
        (high / name).touch()
    target.mkdir()

    copy_layers([str(low), str(high)], str(target))

    assert names(target) == {"replaced", "replaced/new", "kept"}
    assert (tmp_path / "low/gone").exists()


def test_modes_times_attributes_and_hard_links_are_kept(tmp_path: Path) -> None:
    layer, target = tmp_path / "layer", tmp_path / "target"
    (layer / "shut").mkdir(parents=True)
    (layer / "shut/file").write_bytes(b"x" * 70_000)
    os.link(layer / "shut/file", layer / "other")
    os.setxattr(layer / "other", "user.comment", b"a value")
    os.chmod(layer / "other", 0o4755)
    os.utime(layer / "other", ns=(1, 1_000_000_007))
    (layer / "link").symlink_to("shut/nothing")
    os.utime(layer / "shut", ns=(5, 5))
    os.chmod(layer / "shut", 0o555)
    target.mkdir()

    copy_layers([str(layer)], str(target))

    other = (target / "other").stat()
    assert (target / "shut/file").samefile(target / "other")
    assert (target / "other").read_bytes() == b"x" * 70_000
    assert (other.st_mode & 0o7777, other.st_mtime_ns) == (0o4755, 1_000_000_007)
    assert os.getxattr(target / "other", "user.comment") == b"a value"
    assert os.readlink(target / "link") == "shut/nothing"
    shut = (target / "shut").stat()
    assert (shut.st_mode & 0o777, shut.st_mtime_ns) == (0o555, 5)
    remove_tree(str(layer))
    remove_tree(str(target))
    assert list(tmp_path.iterdir()) == []


def test_removing_goes_through_shut_directories_but_never_through_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    tree = tmp_path / "tree"
    (tree / "a/b").mkdir(parents=True)
    (tree / "a/link").symlink_to(outside)
    (tree / "a").chmod(0)
    remove_tree(str(tree))
    remove_tree(str(tmp_path / "nothing"))
    assert not tree.exists()
    assert (outside / "precious").exists()


@pytest.mark.root
def test_removing_stops_before_a_mount(tmp_path: Path) -> None:
    from ocinb.linux import flags as f
    from ocinb.linux.syscalls import Kernel

    outside, inside = tmp_path / "outside", tmp_path / "tree/inside"
    outside.mkdir()
    inside.mkdir(parents=True)
    Kernel().mount("none", str(inside), "tmpfs")
    try:
        (inside / "precious").touch()
        with pytest.raises(OSError, match="something is mounted here"):
            remove_tree(str(tmp_path / "tree"))
        assert (inside / "precious").exists()
    finally:
        Kernel().umount(str(inside), f.MNT_DETACH)


@pytest.mark.root
def test_an_inert_copy_gives_power_to_nobody(tmp_path: Path) -> None:
    layer, target = tmp_path / "layer", tmp_path / "target"
    (layer / "d").mkdir(parents=True)
    (layer / "d").chmod(0o2755)
    (layer / "as-root").touch()
    (layer / "as-root").chmod(0o6755)
    (layer / "capable").touch()
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(layer / "capable", "security.capability", capability)
    for name, kind in (("disk", stat.S_IFBLK), ("memory", stat.S_IFCHR), ("pipe", stat.S_IFIFO)):
        os.mknod(layer / name, kind | 0o666, os.makedev(1, 1))
    target.mkdir()

    copy_layers([str(layer)], str(target), inert=True)

    assert names(target) == {"d", "as-root", "capable", "pipe"}
    assert [stat.S_IMODE((target / n).stat().st_mode) for n in ("d", "as-root")] == [0o755] * 2
    assert "security.capability" not in os.listxattr(target / "capable")

"""A copied tree beside the layers that it was made of, as an ordinary user unpacked them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocinb.engine.copied_tree import index_copy
from ocinb.layer.index import Fields, from_rows
from ocinb.layer.stack import Stack

ROOT: Fields = ("", "directory", 0o755, 0, 0, 0, 0, "", False, False)


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Stack, Path]:
    """Of a file of user 33 with capabilities, and of a device; on disk neither can be kept."""
    user, group = os.getuid() or 1000, os.getgid() or 1000
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "getegid", lambda: group)
    rows: dict[str, Fields] = {
        "": ROOT,
        "null": ("null", "char", 0o666, 0, 0, 0, 0, "1:3", False, False),
        "page": ("page", "file", 0o2644, 33, 33, 4, 10**18, "", False, False),
    }
    index = from_rows(rows, {"page": {"security.capability": b"all"}})
    return Stack([index]), make(tmp_path / "layer", user, group)


def make(directory: Path, user: int, group: int) -> Path:
    directory.mkdir()
    (directory / "page").write_text("page")
    (directory / "page").chmod(0o644)
    os.utime(directory / "page", (10**9, 10**9))
    if os.getuid() == 0:
        os.chown(directory / "page", user, group)
    return directory


def test_what_could_not_be_kept_is_no_difference(layer: tuple[Stack, Path], tmp_path: Path) -> None:
    below, directory = layer
    tree = make(tmp_path / "tree", os.geteuid(), os.getegid())
    index = index_copy(str(tree), below, [directory])
    row = index.row(index.numbers["page"])
    assert (row.mode, row.uid, row.gid, row.mtime) == (0o2644, 33, 33, 10**18)
    assert index.xattrs[index.numbers["page"]] == {"security.capability": b"all"}
    assert sorted(Stack([*below.layers, index]).shown) == ["", "null", "page"]


def test_what_was_changed_is_as_it_is_on_disk(layer: tuple[Stack, Path], tmp_path: Path) -> None:
    below, directory = layer
    tree = make(tmp_path / "tree", os.geteuid(), os.getegid())
    (tree / "page").chmod(0o600)
    (tree / "new").write_text("")
    if os.getuid() == 0:
        os.chown(tree / "new", os.geteuid(), os.getegid())
    index = index_copy(str(tree), below, [directory])
    assert index.row(index.numbers["page"]).mode == 0o600
    new = index.row(index.numbers["new"])
    assert (new.uid, new.gid) == (0, 0)


def test_what_is_gone_is_whited_out(layer: tuple[Stack, Path], tmp_path: Path) -> None:
    below, directory = layer
    tree = make(tmp_path / "tree", os.geteuid(), os.getegid())
    (tree / "page").rename(tree / ".wh.page")
    index = index_copy(str(tree), below, [directory])
    assert index.whiteouts == ["page"]
    assert sorted(Stack([*below.layers, index]).shown) == ["", ".wh.page", "null"]

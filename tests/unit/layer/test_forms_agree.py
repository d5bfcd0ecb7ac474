"""Layers applied one over the other, and the same layers stacked by the kernel, show one tree."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings

from ocinb.errors import LayerError
from ocinb.layer.unpack import unpack
from tests.support.archives import Member, archive, directory, member
from tests.support.changesets import LAYERS
from tests.support.tree import Facts, differences, snapshot


def as_tree(layers: list[bytes], work: Path) -> Facts | int:
    """The tree, or the number of the layer that was refused."""
    for number, raw in enumerate(layers):
        try:
            unpack(io.BytesIO(raw), work / "tree", form="tree")
        except LayerError:
            return number
    return comparable(work / "tree")


def as_stack(layers: list[bytes], work: Path) -> Facts | int:
    """What overlayfs shows, or the number of the layer that was refused."""
    lowers: list[Path] = []
    for number, raw in enumerate(layers):
        target = work / str(number)
        try:
            unpack(io.BytesIO(raw), target, lowers=lowers)
        except LayerError:
            return number
        lowers.append(target)
    for name in ("empty", "merged"):
        (work / name).mkdir()
    directories = ":".join(map(str, [*reversed(lowers), work / "empty"]))
    mount = ["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={directories}"]
    subprocess.run([*mount, work / "merged"], check=True)
    try:
        return comparable(work / "merged")
    finally:
        subprocess.run(["umount", work / "merged"], check=True)


def comparable(root: Path) -> Facts:
    """Facts without those that overlayfs has of its own: inode numbers, the root's time."""
    facts = snapshot(root)
    for fact in facts.values():
        assert isinstance(fact, dict)
        fact.pop("same as", None)
        fact["xattrs"].pop("trusted.overlay.opaque", None)
    root_fact = facts["."]
    assert isinstance(root_fact, dict)
    root_fact.pop("mtime")
    return facts


@pytest.mark.root
@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layers=LAYERS)
@example(layers=[[member("a/a")], [member("a/a"), member(".wh.a"), member("a"), directory("a")]])
@example(layers=[[member("a/b/c")], [member("a/b/c"), member(".wh.a"), member("a")]])
@example(layers=[[member("a/a")], [member("a/.wh..wh..opq"), member(".wh..wh..opq")]])
@example(layers=[[member("a"), member("b/a")], [member("b/.wh.a"), member(".wh.b")]])
def test_both_forms_show_the_same_tree(tmp_path_factory, layers: list[list[Member]]):
    work = tmp_path_factory.mktemp("forms")
    raw = [archive(members) for members in layers]
    tree, stack = as_tree(raw, work), as_stack(raw, work)
    if isinstance(tree, int) or isinstance(stack, int):
        assert tree == stack, "both refuse the same layer"
    else:
        assert differences(tree, stack) == []

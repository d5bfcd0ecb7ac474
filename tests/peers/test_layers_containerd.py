"""containerd's trees and ours: the same, but for differences that are named here one by one.

Compared is what a mount of its default snapshotter, overlayfs, shows.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from ocinb.errors import LayerError
from ocinb.layer.unpack import unpack
from ocinb.spec.manifest import Manifest
from tests.support import umoci
from tests.support.archives import Member, archive, directory, hardlink, member, symlink
from tests.support.containerd import Containerd, Refused
from tests.support.debian import TAG, debian_layout
from tests.support.histories import History, histories
from tests.support.tree import GHOST, Facts, differences, snapshot

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory) -> Iterator[Containerd]:
    with Containerd(tmp_path_factory.mktemp("containerd")) as started:
        yield started


def theirs(daemon: Containerd, layout: Path, tag: str = "t") -> Facts:
    with daemon.unpacked(layout, tag) as tree:
        facts = snapshot(tree)
    for fact in facts.values():
        assert isinstance(fact, dict)
        fact.get("xattrs", {}).pop("trusted.overlay.opaque", None)
    return facts


def ours(archives: list[bytes], target: Path) -> Facts:
    for raw in archives:
        unpack(io.BytesIO(raw), target, form="tree")
    return snapshot(target)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=histories())
def test_layers_as_builders_make_them(daemon, tmp_path_factory, history: History):
    """Nothing but the root is different: not an owner, a link or a time."""
    work = tmp_path_factory.mktemp("history")
    raw = [archive(members) for members in history.layers]
    umoci.image_of(work / "layout", raw)
    mine = ours(raw, work / "ours")
    assert set(mine) == {path or "." for path in history.tree}
    other = theirs(daemon, work / "layout")
    del mine["."], other["."]  # containerd passes over it: see below
    assert differences(mine, other) == []


def only_time(mine: object, other: object) -> bool:
    """Whether two facts are of one directory, which has another time."""
    assert isinstance(mine, dict)
    assert isinstance(other, dict)
    return mine["type"] == "d" and mine | {"mtime": 0} == other | {"mtime": 0}


def test_debian(daemon, tmp_path):
    """Ten differences in 5,000 files.

    Four directories that the second layer does not name, but changes something in: containerd
    gives them the time of unpacking. The layer says nothing of them, so ours are as they were.

    The second layer replaces ``/var/lib/apt/lists`` by a link to ``/nowhere`` and has whiteouts of
    what was in the directory, through the link. containerd follows it: there is a ``/nowhere``,
    and in it the whiteouts can be seen. A whiteout applies to lower layers only, and there is
    nothing of that name. (podman 4.3 refuses this layer.)

    Spec: image-spec layer.md#whiteouts
    """
    layout = debian_layout()
    index = json.loads((layout / "index.json").read_bytes())

    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    manifest = Manifest.parse(blob(index["manifests"][0]["digest"]).read_bytes())
    for layer in manifest.layers:
        with blob(layer.digest).open("rb") as file:
            unpack(file, tmp_path / "t", media_type=layer.media_type, form="tree")
    mine, other = snapshot(tmp_path / "t"), theirs(daemon, layout, TAG)
    assert len(mine) > 5000
    different = {path for path in mine.keys() | other.keys() if mine.get(path) != other.get(path)}
    nowhere = {path for path in different if path.split("/")[0] == "nowhere"}
    assert "nowhere" in nowhere
    assert all(path not in mine and other[path] == GHOST for path in nowhere - {"nowhere"})
    assert different - nowhere == {".", "usr", "var", "var/lib"}
    assert all(only_time(mine[path], other[path]) for path in different - nowhere)


# What a careful builder would not write. Each: layers, and what is seen on either side.

Seen = Mapping[str, str]


def fifo(path: str) -> Member:
    return member(path, tarfile.FIFOTYPE, mtime=20)


def opaque(path: str) -> Member:
    return member(f"{path}/.wh..wh..opq" if path else ".wh..wh..opq")


DIFFERENCES: dict[str, tuple[list[list[Member]], Seen, Seen | str]] = {
    # Ours: "Whiteout files MUST only apply to resources in lower/parent layers", of which there
    # is none; containerd makes the parent, and its whiteout is listed.
    "a whiteout of nothing": (
        [[member("f")], [member("no/.wh.such")]],
        {"f": "-"},
        {"f": "-", "no": "d", "no/such": "ghost"},
    ),
    "an opaque whiteout of nothing": (
        [[member("f")], [opaque("no")]],
        {"f": "-"},
        {"f": "-", "no": "d"},
    ),
    "an opaque whiteout of a file": (
        [[member("f")], [opaque("f")]],
        {"f": "-"},
        {"f": "d"},
    ),
    # Ours, by the same sentence: files of the layer itself are not what it applies to.
    "a whiteout behind what it names": (
        [[member("d/x")], [directory("d"), member("d/x"), member("d/.wh.x")]],
        {"d": "d", "d/x": "-"},
        "failed to convert whiteout file",
    ),
    "a whiteout behind a directory that is made anew": (
        [[member("d/x")], [directory("d"), member("d/y"), member(".wh.d")]],
        {"d": "d", "d/y": "-"},
        "failed to convert whiteout file",
    ),
    "a whiteout behind what it names, in the lowest layer": (
        [[member("d/e/x"), member("d/.wh.e")]],
        {"d": "d", "d/e": "d", "d/e/x": "-"},
        {"d": "d"},
    ),
    # Ours: "all siblings are hidden in the lower layer", those of the root, too; overlayfs
    # ignores an opaque root, and containerd relies on it.
    "an opaque whiteout in the root": (
        [[member("f")], [opaque(""), member("g")]],
        {"g": "-"},
        {"f": "-", "g": "-"},
    ),
    # The specification is silent. Over one tree, as tar and umoci apply layers, the link is
    # followed; containerd's overlayfs hides it.
    "an entry beneath a link of a lower layer": (
        [[directory("d"), symlink("l", "d")], [member("l/x")]],
        {"d": "d", "d/x": "-", "l": "l"},
        {"d": "d", "l": "d", "l/x": "-"},
    ),
    "an entry beneath a file of a lower layer": (
        [[member("f")], [member("f/x")]],
        {"refused": "not a directory"},
        {"f": "d", "f/x": "-"},
    ),
}


def seen(facts: Facts) -> Seen:
    kinds = {path: fact["type"] for path, fact in facts.items() if isinstance(fact, dict)}
    return {
        path: "ghost" if kind == GHOST["type"] else kind
        for path, kind in kinds.items()
        if path != "."
    }


@pytest.mark.parametrize("case", DIFFERENCES)
def test_differences_in_what_there_is(daemon, tmp_path, case):
    """Spec: image-spec layer.md#whiteouts and layer.md#opaque-whiteout"""
    layers, mine, other = DIFFERENCES[case]
    raw = [archive(members) for members in layers]
    umoci.image_of(tmp_path / "layout", raw)
    if "refused" in mine:
        with pytest.raises(LayerError, match=mine["refused"]):
            ours(raw, tmp_path / "ours")
    else:
        assert seen(ours(raw, tmp_path / "ours")) == mine
    if isinstance(other, str):
        with pytest.raises(Refused, match=other):
            theirs(daemon, tmp_path / "layout")
    else:
        assert seen(theirs(daemon, tmp_path / "layout")) == other


def mode(facts: Facts, path: str) -> object:
    fact = facts[path]
    assert isinstance(fact, dict)
    return fact["mode"]


def seconds(facts: Facts, path: str) -> int:
    fact = facts[path]
    assert isinstance(fact, dict)
    return int(fact["mtime"]) // 10**9


def xattrs(facts: Facts, path: str) -> object:
    fact = facts[path]
    assert isinstance(fact, dict)
    return sorted(fact["xattrs"])


ATTRIBUTES: dict[str, tuple[list[Member], Callable[[Facts, str], object], str, object, object]] = {
    # Ours: the root is a directory as others are; containerd passes over its entry.
    "the root's mode": ([directory("./", mode=0o1711)], mode, ".", "0o1711", "0o755"),
    # Ours: attributes are the file's whatever their namespace; containerd sets no trusted ones.
    "a trusted attribute": (
        [member("f", pax_headers={"SCHILY.xattr.trusted.a": "1", "SCHILY.xattr.user.b": "2"})],
        xattrs, "f", ["trusted.a", "user.b"], ["user.b"],
    ),
    # The specification is silent: a link's header describes the file, or nothing. For tar, umoci
    # and us nothing.
    "the mode in a hard link's header": (
        [member("f", mode=0o600), hardlink("l", "f", mode=0o644)],
        mode, "f", "0o600", "0o644",
    ),
    # Ours: an entry's own time; containerd sets that of a directory which is there no longer.
    "the time of what replaces a directory": (
        [directory("x", mtime=10), fifo("x")],
        seconds, "x", 20, 10,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ATTRIBUTES)
def test_differences_in_attributes(daemon, tmp_path, case):
    """Spec: image-spec layer.md#file-attributes"""
    members, look, path, mine, other = ATTRIBUTES[case]
    raw = [archive(members)]
    umoci.image_of(tmp_path / "layout", raw)
    assert look(ours(raw, tmp_path / "ours"), path) == mine
    assert look(theirs(daemon, tmp_path / "layout"), path) == other

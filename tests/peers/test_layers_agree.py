"""GNU tar and umoci have the same opinion on what archives mean, and read what we pack."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ocinb.errors import LayerError
from ocinb.layer.changeset import Entry
from ocinb.layer.pack import pack
from ocinb.layer.unpack import unpack
from tests.support import umoci
from tests.support.archives import Member, archive
from tests.support.changesets import LAYERS
from tests.support.histories import History, histories, together
from tests.support.peers import require
from tests.support.podman import Podman
from tests.support.tree import Facts, differences, snapshot

pytestmark = [pytest.mark.peer, pytest.mark.root, pytest.mark.slow]

NAME = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=80
).filter(lambda n: n not in (".", "..") and not n.startswith(".wh.") and len(n.encode()) < 200)
# An empty value is an attribute for us and GNU tar; Go's reader takes it for "no such record".
XATTRS = st.dictionaries(
    st.sampled_from(["user.a", "trusted.b", "security.c"]),
    st.binary(min_size=1, max_size=30),
    max_size=2,
)
LEAF = st.sampled_from(["file", "symlink", "hardlink", "fifo", "char", "block"])


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """A tree without contradictions: parents first, each path once."""
    directories, files, taken = [""], [], set()
    entries = [Entry("", "directory", draw(st.integers(0, 0o777)) | 0o700)]
    for _ in range(draw(st.integers(1, 12))):
        parent, name = draw(st.sampled_from(directories)), draw(NAME)
        path = f"{parent}/{name}" if parent else name
        if path in taken:
            continue
        taken.add(path)
        kind = draw(st.sampled_from(["directory", "file"]) | LEAF)
        entry = Entry(
            path,
            kind,
            mode=draw(st.integers(0, 0o7777)),
            uid=draw(st.sampled_from([0, 1, 1000, 3_000_000])),
            gid=draw(st.sampled_from([0, 1, 1000, 3_000_000])),
            mtime=draw(st.integers(0, 2**60)),
        )
        if kind in ("file", "directory"):
            entry.xattrs = draw(XATTRS)
        if kind == "directory":
            directories.append(path)
        elif kind == "file":
            entry.source = draw(st.binary(max_size=1500))
            entry.size = len(entry.source)
            files.append(path)
        elif kind == "symlink":
            entry.linkname = draw(NAME)
        elif kind == "hardlink":
            if not files:
                continue
            entry.linkname = draw(st.sampled_from(files))
        else:
            entry.device = (draw(st.integers(1, 200)), draw(st.integers(0, 255)))
        entries.append(entry)
    # Depth first: GNU tar sets a directory's time when it leaves it, and does not come back.
    first = {entry.path: number for number, entry in enumerate(entries)}
    ordered, seen = [], set()
    for entry in sorted(entries, key=lambda e: _branch(e, first)):
        if entry.kind != "hardlink" or entry.linkname in seen:
            seen.add(entry.path)
            ordered.append(entry)
    return ordered


def _branch(entry: Entry, order: dict[str, int]) -> list[int]:
    """The order of an entry's ancestors and of itself."""
    parts = entry.path.split("/")
    return [order["/".join(parts[: count + 1])] for count in range(len(parts))]


def gnu_tar(raw: bytes, target: Path) -> Path:
    target.mkdir()
    options = ["--numeric-owner", "--xattrs", "--xattrs-include=*", "--same-permissions"]
    subprocess.run(["tar", "-C", target, *options, "-xf", "-"], input=raw, check=True)
    return target


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(entries=trees())
def test_trees_that_we_pack(tmp_path_factory, entries):
    require("tar")
    require("umoci")
    work = tmp_path_factory.mktemp("trees")
    out = io.BytesIO()
    pack(entries, out, compression="none")
    raw = out.getvalue()
    unpack(io.BytesIO(raw), work / "ours", form="tree")
    unpack(io.BytesIO(raw), work / "overlay")
    ours = snapshot(work / "ours")
    assert len(ours) == len(entries)
    assert differences(ours, snapshot(work / "overlay")) == []
    assert differences(ours, snapshot(gnu_tar(raw, work / "tar"))) == []
    theirs = umoci.unpack([raw], work / "umoci")
    assert isinstance(theirs, Path), theirs
    assert differences(ours, snapshot(theirs)) == []


def changeset_facts(root: Path) -> Facts:
    """Without the times of directories: umoci loses them where it makes two missing parents at
    once, and leaves those of parents that no entry names at the present.
    """
    facts = snapshot(root)
    for fact in facts.values():
        assert isinstance(fact, dict)
        if fact["type"] == "d":
            fact.pop("mtime")
    root_fact = facts["."]
    assert isinstance(root_fact, dict)
    root_fact.pop("mode")
    return facts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layers=LAYERS)
def test_changesets_in_any_order(tmp_path_factory, layers: list[list[Member]]):
    """Whiteouts, opaque directories, replacements, nonsense: umoci refuses the same images."""
    require("umoci")
    work = tmp_path_factory.mktemp("changesets")
    raw = [archive(members) for members in layers]
    theirs = umoci.unpack(raw, work / "umoci")
    try:
        for one in raw:
            unpack(io.BytesIO(one), work / "ours", form="tree")
    except LayerError as error:
        assert isinstance(theirs, str), f"umoci accepts what we refuse: {error}"
        return
    assert isinstance(theirs, Path), theirs
    assert differences(changeset_facts(work / "ours"), changeset_facts(theirs)) == []


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],  # to shrink twenty histories would take for ever
    suppress_health_check=list(HealthCheck),
)
@given(several=st.lists(histories(), min_size=20, max_size=20))
def test_layers_as_builders_make_them(tmp_path_factory, several: list[History]):
    """umoci and podman make the same of them, and so does a mount of our layers."""
    work = tmp_path_factory.mktemp("histories")
    raw = [archive(members) for members in together(several)]
    lowers: list[Path] = []
    for number, one in enumerate(raw):
        unpack(io.BytesIO(one), work / "ours", form="tree")
        unpack(io.BytesIO(one), work / f"layer-{number}", lowers=lowers)
        lowers.append(work / f"layer-{number}")
    ours = snapshot(work / "ours")
    merged, empty = work / "merged", work / "empty"  # one layer alone cannot be mounted
    merged.mkdir()
    empty.mkdir()
    stack = ":".join(map(str, [*reversed(lowers), empty]))
    options = f"ro,lowerdir={stack}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
    try:
        assert differences(below_root(ours), below_root(snapshot(merged))) == []
    finally:
        subprocess.run(["umount", merged], check=True)
    unpacked = umoci.unpack(raw, work / "umoci")
    assert isinstance(unpacked, Path), unpacked
    assert differences(below_root(ours), below_root(snapshot(unpacked))) == []
    podman = Podman(work / "podman")
    with podman.unpacked(work / "umoci/layout", "t") as tree:
        # podman leaves a directory what an upper layer's entry of it does not name any more.
        theirs = directories_without_xattrs(below_root(snapshot(tree)))
        assert differences(directories_without_xattrs(below_root(ours)), theirs) == []


def directories_without_xattrs(facts: Facts) -> Facts:
    """Everything else is compared."""
    return {
        path: fact | {"xattrs": {}} if fact["type"] == "d" else fact for path, fact in facts.items()
    }


def below_root(facts: Facts) -> Facts:
    """Without the root, which none of these layers names, and without overlayfs's own marks."""
    kept: Facts = {}
    for path, fact in facts.items():
        assert isinstance(fact, dict)
        if path != ".":
            xattrs = {k: v for k, v in fact["xattrs"].items() if k != "trusted.overlay.opaque"}
            kept[path] = fact | {"xattrs": xattrs}
    return kept


def test_sparse_files_of_gnu_tar(tmp_path):
    """All four forms in which GNU tar leaves out holes."""
    require("tar")
    source = tmp_path / "source"
    source.mkdir()
    with (source / "holes").open("wb") as file:
        for position in range(0, 8 << 20, 1 << 20):
            file.seek(position)
            file.write(b"data at %d" % position)
        file.truncate(9 << 20)
    with (source / "many").open("wb") as file:
        for position in range(0, 400 << 12, 2 << 12):
            file.seek(position)
            file.write(b"x")
    for form in (
        "gnu",
        "posix --sparse-version=0.0",
        "posix --sparse-version=0.1",
        "posix --sparse-version=1.0",
    ):
        argv = ["tar", "-C", source, "--sparse", *f"--format={form}".split(), "-cf", "-", "."]
        raw = subprocess.run(argv, capture_output=True, check=True).stdout
        assert len(raw) < 2 << 20, "tar did leave out holes"
        target = tmp_path / form.replace(" ", "")
        unpack(io.BytesIO(raw), target)
        found = differences(snapshot(source, times=False), snapshot(target, times=False))
        assert found == []
        assert os.stat(target / "holes").st_blocks * 512 < 2 << 20, "and they are holes again"

"""Hostile archives: never a byte outside the root."""

from __future__ import annotations

import copy
import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocinb.errors import LayerError, LimitExceeded, UnsafePath
from ocinb.layer.unpack import unpack
from tests.support.archives import Member, archive, directory, hardlink, layer, member, symlink

DEEP = "/".join(["d"] * 300)

CASES: dict[str, tuple[list[Member], type[LayerError] | None]] = {
    "dots in a name": ([member("../victim", data=b"!")], UnsafePath),
    "dots after a directory": ([member("a/../../victim", data=b"!")], UnsafePath),
    "dots in a hard link": ([hardlink("x", "../victim")], UnsafePath),
    "dots in a whiteout": ([member("../.wh.victim")], UnsafePath),
    "a whiteout of dots": ([directory("a"), member("a/.wh...")], LayerError),
    "an absolute name": ([member("{outside}/victim", data=b"!")], None),
    "an absolute hard link": ([hardlink("x", "{outside}/victim")], LayerError),
    "a link to outside, then through it": (
        [symlink("x", "{outside}"), member("x/victim", data=b"!")],
        None,
    ),
    "a relative link to outside": (
        [symlink("x", "../../../../../{outside}"), member("x/victim", data=b"!")],
        None,
    ),
    "a link in two steps": (
        [symlink("a", ".."), symlink("b", "a/outside"), member("b/victim", data=b"!")],
        None,
    ),
    "a file over a link to outside": (
        [symlink("x", "{outside}/victim"), member("x", data=b"!")],
        None,
    ),
    "a directory over a link to outside": (
        [symlink("x", "{outside}"), directory("x", mode=0), member("x/victim", data=b"!")],
        None,
    ),
    "a hard link to a link to outside": (
        [symlink("x", "{outside}/victim"), hardlink("y", "x"), member("y", data=b"!")],
        None,
    ),
    "a hard link through a link": (
        [symlink("x", "{outside}"), hardlink("y", "x/victim"), member("y", data=b"!")],
        LayerError,
    ),
    "a link as the parent of a whiteout": (
        [symlink("x", "{outside}"), member("x/.wh.victim")],
        None,
    ),
    "a link as the parent of an opaque mark": (
        [symlink("x", "{outside}"), member("x/.wh..wh..opq")],
        None,
    ),
    "a link swapped for a directory that is open": (
        [
            directory("x"),
            member("x/a"),
            symlink("x", "{outside}"),
            member("x/victim", data=b"!"),
        ],
        None,
    ),
    "links in a circle": ([symlink("a", "b"), symlink("b", "a"), member("a/x")], UnsafePath),
    "a magic link of /proc": (
        [symlink("x", "/proc/self/root{outside}"), member("x/victim", data=b"!")],
        None,
    ),
    "a component of 300 bytes": ([member("n" * 300)], LayerError),
    "300 components": ([member(DEEP)], LayerError),
    "a file as a parent": ([member("f"), member("f/x")], LayerError),
    "the root as a file": ([member("./", tarfile.FIFOTYPE)], LayerError),
    "the root as a link": ([symlink("/", "{outside}"), member("victim")], LayerError),
}


def placed(members: list[Member], outside: Path) -> list[Member]:
    """The members with the place of the victim filled in."""
    made = []
    for original, data in members:
        info = copy.copy(original)
        info.name = info.name.format(outside=outside)
        info.linkname = info.linkname.format(outside=outside)
        made.append((info, data))
    return made


@pytest.fixture
def outside(tmp_path):
    """A directory beside the target that must stay as it is."""
    made = tmp_path / "outside"
    made.mkdir(mode=0o755)
    (made / "victim").write_text("untouched")
    (made / "victim").chmod(0o600)
    return made


def facts(path: Path) -> list[object]:
    return [
        (p.name, p.lstat().st_mode, p.lstat().st_mtime_ns, p.lstat().st_ino, p.lstat().st_nlink)
        for p in (path, *sorted(path.iterdir()))
    ] + [(path / "victim").read_text()]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", ["tree", "overlay"])
def test_nothing_outside_changes(tmp_path, outside, case, form):
    members, error = CASES[case]
    before = facts(outside)
    blob = layer(*placed(members, outside))
    if error is None:
        unpack(blob, tmp_path / "root", form=form)
    else:
        with pytest.raises(error) as raised:
            unpack(blob, tmp_path / "root", form=form, what="layer 7")
        assert raised.value.message.startswith("layer 7: ")
        assert not (tmp_path / "root").exists(), "nothing is left"
    assert facts(outside) == before


def test_a_link_of_a_lower_layer_does_not_lead_out(tmp_path, outside):
    before = facts(outside)
    unpack(layer(symlink("x", str(outside))), tmp_path / "low", lowers=())
    above = layer(member("x/victim", data=b"!"), member("x/.wh.victim"))
    unpack(above, tmp_path / "high", lowers=[tmp_path / "low"])
    assert facts(outside) == before
    assert (tmp_path / "high" / str(outside)[1:] / "victim").read_text() == "!"


def test_a_tree_with_links_to_outside_is_pruned_inside_only(tmp_path, outside):
    before = facts(outside)
    unpack(layer(symlink("d/x", str(outside))), tmp_path / "root", form="tree")
    unpack(layer(member("d/.wh..wh..opq")), tmp_path / "root", form="tree")
    assert not (tmp_path / "root/d/x").is_symlink()
    assert facts(outside) == before


def test_nul_in_a_pax_name(tmp_path):
    raw = archive([member("ab", pax_headers={"path": "a\0b"})])
    with pytest.raises(LayerError, match="NUL"):
        unpack(io.BytesIO(gzip.compress(raw)), tmp_path / "root")


NAMES = st.sampled_from(["a", "b", "a/b", "b/a", "a/b/victim", "victim", "outside/victim"])
TARGETS = st.sampled_from(["..", "../outside", "../..", "a", "b", "/", ".", "a/b", "../a"])
MEMBERS = st.lists(
    st.one_of(
        st.builds(lambda n: member(n, data=b"!", mode=0o777), NAMES),
        st.builds(lambda n: directory(n, mode=0o777), NAMES),
        st.builds(symlink, NAMES, TARGETS),
        st.builds(hardlink, NAMES, NAMES),
        st.builds(lambda n: member(f"{n}/.wh.victim"), NAMES),
        st.builds(lambda n: member(f"{n}/.wh..wh..opq"), NAMES),
    ),
    max_size=8,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(members=MEMBERS, form=st.sampled_from(["tree", "overlay"]))
def test_no_combination_gets_out(tmp_path_factory, members, form):
    base = tmp_path_factory.mktemp("hostile")
    outside = base / "outside"
    outside.mkdir()
    (outside / "victim").write_text("untouched")
    before = facts(outside)
    try:
        unpack(io.BytesIO(archive(members)), base / "root", form=form)
    except LayerError as error:
        assert error.message.startswith("layer: ")
    assert facts(outside) == before
    assert {p.name for p in base.iterdir()} <= {"outside", "root"}


def test_links_do_not_build_trees_deeper_than_paths_may_be(tmp_path):
    deep = "/".join(["d"] * 200)
    members = [directory(deep)]
    for step in range(4):
        members.append(symlink(f"l{step}", f"{f'l{step - 1}/' if step else ''}{deep}"))
        members.append(directory(f"l{step}/{deep}"))
    with pytest.raises(LimitExceeded, match=r"layer: 'l0/d.*components"):
        unpack(layer(*members), tmp_path / "root")
    assert not (tmp_path / "root").exists()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_lies_with_a_right_checksum_are_never_a_crash(tmp_path_factory, data):
    """Any field of any header may say anything."""
    base = tmp_path_factory.mktemp("lies")
    headers = {"SCHILY.xattr.user.a": "b", "LIBARCHIVE.xattr.user.c": "AAEC", "mtime": "1.5"}
    raw = bytearray(archive([directory("d"), member("d/f", data=b"x" * 600, pax_headers=headers)]))
    where = data.draw(st.integers(0, len(raw) // 512 - 3)) * 512
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.sampled_from([0, 100, 108, 116, 124, 136, 156, 157, 257, 329, 337]))
        lie = data.draw(st.binary(min_size=1, max_size=12))
        raw[where + start : where + start + len(lie)] = lie
    raw[where + 148 : where + 156] = b" " * 8
    raw[where + 148 : where + 156] = b"%06o\0 " % sum(raw[where : where + 512])
    try:
        unpack(io.BytesIO(raw), base / "root", form=data.draw(st.sampled_from(["tree", "overlay"])))
    except LayerError as error:
        assert error.message.startswith("layer: ")
    assert {p.name for p in base.iterdir()} <= {"root"}


@pytest.mark.parametrize("name", ["LIBARCHIVE.xattr.user.%00", "LIBARCHIVE.xattr."])
def test_attributes_without_a_possible_name(tmp_path, name):
    with pytest.raises(LayerError, match="attribute"):
        unpack(layer(member("f", pax_headers={name: "AAEC"})), tmp_path / "root")


def test_layers_below_that_are_not_there(tmp_path):
    with pytest.raises(LayerError, match="no such file"):
        unpack(layer(member("f")), tmp_path / "root", lowers=[tmp_path / "missing"])
    assert not (tmp_path / "root").exists()

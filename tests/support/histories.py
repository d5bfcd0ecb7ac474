"""Trees that change step by step, and the layers a careful image builder makes of the steps.

Every parent is named, whiteouts name what the step below has, and a hard link's header says what
its file's says: what such layers mean, no reader can misunderstand.
"""

from __future__ import annotations

import copy
import dataclasses
import tarfile
from typing import Any

from hypothesis import strategies as st

from tests.support.archives import Member, directory, member

NAMES = ("a", "b", "c", "d\u00e9", "x" * 120)
KINDS = (tarfile.DIRTYPE, tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE,
         tarfile.CHRTYPE, tarfile.LNKTYPE)  # fmt: skip
XATTRS = st.sampled_from([(), (), ("user.a",), ("user.b", "user.c")])


@dataclasses.dataclass(frozen=True)
class Node:
    """What a path is in a tree; ``born`` makes it another one than what was there before."""

    kind: bytes
    born: int
    mode: int = 0o755
    owner: int = 0
    mtime: float = 0
    data: bytes = b""
    link: str = ""
    device: int = 0
    xattrs: tuple[str, ...] = ()


Tree = dict[str, Node]


@dataclasses.dataclass(frozen=True)
class History:
    """Layers, bottom to top, and the tree that they make."""

    layers: list[list[Member]]
    tree: Tree


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to four steps."""
    tree: Tree = {"": Node(tarfile.DIRTYPE, 0, mtime=1000)}
    layers = []
    for step in range(1, draw(st.integers(1, 4)) + 1):
        before = dict(tree) if layers else {}
        for _ in range(draw(st.integers(1, 6))):
            _change(draw, tree, step)
        layers.append(_layer(before, tree))
    return History(layers, tree)


def _change(draw: st.DrawFn, tree: Tree, step: int) -> None:
    directories = sorted(path for path, node in tree.items() if node.kind == tarfile.DIRTYPE)
    parent = draw(st.sampled_from(directories))
    name = draw(st.sampled_from(NAMES))
    path = f"{parent}/{name}" if parent else name
    if path.count("/") > 3:
        return
    _remove(tree, path)
    kind = draw(st.sampled_from(KINDS))
    files = sorted(
        known for known, node in tree.items() if node.kind == tarfile.REGTYPE and node.born == step
    )
    if draw(st.integers(0, 3)) == 0 or (kind == tarfile.LNKTYPE and not files):
        return  # removed, that is all
    if kind == tarfile.LNKTYPE:
        source = draw(st.sampled_from(files))
        tree[path] = dataclasses.replace(tree[source], kind=kind, link=source)
        return
    tree[path] = Node(
        kind,
        step,
        mode=draw(st.sampled_from([0o644, 0o755, 0o4755, 0o1777, 0o2750])) | 0o700,
        owner=draw(st.sampled_from([0, 1000, 3_000_000])),
        mtime=draw(st.sampled_from([10, 20.5, 30.123456])),
        data=draw(st.binary(max_size=600)) if kind == tarfile.REGTYPE else b"",
        link=draw(st.sampled_from(["a", "../b", "/c", "nowhere"]))
        if kind == tarfile.SYMTYPE
        else "",
        device=draw(st.integers(1, 200)) if kind == tarfile.CHRTYPE else 0,
        xattrs=draw(XATTRS) if kind in (tarfile.REGTYPE, tarfile.DIRTYPE) else (),
    )


def _remove(tree: Tree, path: str) -> None:
    gone = [known for known in tree if known == path or known.startswith(f"{path}/")]
    for known in gone:
        del tree[known]
    for known, node in list(tree.items()):  # the other names of a file that goes
        if node.kind == tarfile.LNKTYPE and node.link in gone:
            del tree[known]


def _layer(before: Tree, after: Tree) -> list[Member]:
    changed = {path for path, node in after.items() if before.get(path) != node}
    removed = {path for path in before if path not in after}
    named = set(changed)
    for path in changed | removed:
        parts = path.split("/")[:-1]
        ancestors = {"/".join(parts[:count]) for count in range(len(parts) + 1)}
        named |= ancestors & after.keys()
    members = []
    # In the order of a walk; links behind all files, whose names must be there first.
    order = sorted(named, key=lambda path: (after[path].kind == tarfile.LNKTYPE, path.split("/")))
    for path in order:
        members.append(_member(path, after[path]))
        old = before.get(path)
        both = old is not None and old.kind == after[path].kind == tarfile.DIRTYPE
        if both and path in changed and path:
            members.append(member(f"{path}/.wh..wh..opq"))
    for path in sorted(removed):
        parent, slash, name = path.rpartition("/")
        if parent in after and after[parent] == before[parent]:
            members.append(member(f"{parent}{slash}.wh.{name}"))
    return members


def _member(path: str, node: Node) -> Member:
    fields: dict[str, Any] = {
        "mode": node.mode, "uid": node.owner, "gid": node.owner, "mtime": node.mtime,
    }  # fmt: skip
    if node.xattrs and node.kind != tarfile.LNKTYPE:
        fields["pax_headers"] = {f"SCHILY.xattr.{name}": name for name in node.xattrs}
    if node.kind == tarfile.DIRTYPE:
        return directory(f"{path}/" if path else "./", **fields)
    if node.kind == tarfile.CHRTYPE:
        fields |= {"devmajor": 1, "devminor": node.device}
    data = node.data if node.kind == tarfile.REGTYPE else b""
    return member(path, node.kind, data=data, link=node.link, **fields)


def together(several: list[History]) -> list[list[Member]]:
    """The layers of one image that holds each of them in a directory of its own."""
    steps = max(len(history.layers) for history in several)
    layers: list[list[Member]] = [[] for _ in range(steps)]
    for number, history in enumerate(several):
        for step, members in enumerate(history.layers):
            layers[step] += [_beneath(f"h{number}", one) for one in members]
    return layers


def _beneath(parent: str, one: Member) -> Member:
    info = copy.copy(one[0])
    info.name = f"{parent}/{info.name}"
    if info.type == tarfile.LNKTYPE:
        info.linkname = f"{parent}/{info.linkname}"
    return info, one[1]

"""What a directory tree holds, as a value that two trees can be compared by."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from pathlib import Path

Facts = dict[str, object]
GHOST: dict[str, object] = {"type": "listed, but not there"}


def snapshot(root: Path, *, times: bool = True, ignore: frozenset[str] = frozenset()) -> Facts:
    """Path → everything that an image layer can say about it.

    Hard links are facts about pairs: every path names the first path of its inode. A whiteout that
    overlayfs lists without knowing the file is ``GHOST``.
    """
    facts: dict[str, dict[str, object]] = {}
    first_path: dict[tuple[int, int], str] = {}
    for directory, names, files in os.walk(root):
        names.sort()
        here = Path(directory)
        for path in sorted([here, *(here / f for f in files), *(here / n for n in names)]):
            name = str(path.relative_to(root))
            if name in facts or name in ignore:
                continue
            try:
                facts[name] = _facts(path, name, first_path, times)
            except FileNotFoundError:
                facts[name] = GHOST
    names_of = Counter(fact.get("same as") for fact in facts.values())
    for fact in facts.values():
        if names_of[fact.get("same as")] == 1:
            fact.pop("same as", None)  # its other names are in a layer, and not in the tree
    return {**facts}


def _facts(
    path: Path, name: str, first_path: dict[tuple[int, int], str], times: bool
) -> dict[str, object]:
    status = path.lstat()
    fact: dict[str, object] = {
        "type": stat.filemode(status.st_mode)[0],
        "mode": oct(stat.S_IMODE(status.st_mode)),
        "owner": (status.st_uid, status.st_gid),
        "xattrs": {
            key: os.getxattr(path, key, follow_symlinks=False)
            for key in sorted(os.listxattr(path, follow_symlinks=False))
        },
    }
    if times:
        fact["mtime"] = status.st_mtime_ns
    if stat.S_ISLNK(status.st_mode):
        fact["target"] = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        fact["content"] = hashlib.sha256(path.read_bytes()).hexdigest()
        if status.st_nlink > 1:
            fact["same as"] = first_path.setdefault((status.st_dev, status.st_ino), name)
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        fact["device"] = (os.major(status.st_rdev), os.minor(status.st_rdev))
    return fact


def differences(ours: Facts, theirs: Facts) -> list[str]:
    """One line for each path that is not the same in both; empty when the trees are equal."""
    lines = []
    for name in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(name), theirs.get(name)
        if mine != other:
            lines.append(f"{name!r}: ours {mine} theirs {other}")
    return lines

"""Random changesets: few names, so that entries meet, replace and remove each other."""

from __future__ import annotations

import tarfile

from hypothesis import strategies as st

from tests.support.archives import Member, directory, hardlink, member, symlink

_NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
_TARGETS = st.sampled_from(["a", "b", "../b", "/c", "a/b", "../../a", "/", "."])
_MODES = st.sampled_from([0o644, 0o755, 0o4755, 0o1777, 0o2750])
_TIMES = st.sampled_from([10, 20.5, 30])


def _whiteout(path: str) -> Member:
    parent, slash, name = path.rpartition("/")
    return member(f"{parent}{slash}.wh.{name}")


_FILES = st.builds(
    lambda path, size, mode, time: member(path, data=b"x" * size, mode=mode, mtime=time),
    _NAMES,
    st.integers(1, 3),
    _MODES,
    _TIMES,
)
_DIRECTORIES = st.builds(
    lambda path, mode, time: directory(path, mode=mode | 0o700, mtime=time), _NAMES, _MODES, _TIMES
)

ENTRIES = st.one_of(
    _FILES,
    _FILES,
    _DIRECTORIES,
    _DIRECTORIES,
    st.builds(
        lambda path, target, time: symlink(path, target, mtime=time), _NAMES, _TARGETS, _TIMES
    ),
    st.builds(hardlink, _NAMES, _NAMES),
    st.builds(lambda path, mode: member(path, tarfile.FIFOTYPE, mode=mode), _NAMES, _MODES),
    st.builds(_whiteout, _NAMES),
    st.builds(_whiteout, _NAMES),
    st.builds(lambda path: member(f"{path}/.wh..wh..opq"), _NAMES),
    st.just(None).map(lambda _: member(".wh..wh..opq")),
)

LAYERS = st.lists(st.lists(ENTRIES, min_size=1, max_size=7), min_size=1, max_size=3)
"""Up to three layers of up to seven entries, in any order, duplicates and nonsense included."""

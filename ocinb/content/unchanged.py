"""What was made of files, for as long as the files are the same.

A file is the same while number, size and times of its inode are. Files that were written a moment
ago do not count: within one tick of the clock a file may be replaced by another one with the same
number, size and time.

Spec: none (the rule is that of git's index)
"""

from __future__ import annotations

import os
import time
from collections.abc import Hashable, Iterable
from typing import Any

_SETTLED = 100_000_000
"""Nanoseconds since a file's last change after which its times tell it from any other."""
_MOST = 64


class Unchanged:
    """Keeps values with the files that they were made of."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[dict[str, tuple[int, ...]], Any]] = {}

    def get(self, key: Hashable) -> Any:
        """The value; None where there is none, or one of its files is another by now."""
        seen, value = self._kept.get(key, ({}, None))
        if all(identity(path) == known for path, known in seen.items()):
            return value
        self._kept.pop(key, None)
        return None

    def keep(self, key: Hashable, value: Any, seen: dict[str, tuple[int, ...] | None]) -> None:
        """Keep a value.

        Args:
            seen: path → ``identity`` of each of its files, from before that was read.
        """
        known = {path: found for path, found in seen.items() if found is not None}
        if len(known) == len(seen):
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = (known, value)


def identities(paths: Iterable[str]) -> dict[str, tuple[int, ...] | None]:
    """The identity of each file."""
    return {path: identity(path) for path in paths}


def identity(path: str) -> tuple[int, ...] | None:
    """What tells a file from any other that was or will be there; None: nothing does as yet."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    changed = max(info.st_mtime_ns, info.st_ctime_ns)
    if time.time_ns() - changed < _SETTLED:
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns

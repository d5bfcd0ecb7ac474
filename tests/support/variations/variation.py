"""What a variation of config.json is, and what was seen of one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Variation:
    """A row: the small complete config.json of ``runtimes.py`` with something changed.

    Attributes:
        name: unique.
        changes: field path → JSON value. ``path`` sets, ``path+`` appends the members of a list,
            ``path-`` removes. ``$SOURCE``, ``$ROOTFS``, ``$TREE``, ``$HOLDER`` in strings stand
            for what the place of the run offers.
        extra: a shell script run inside, in addition to the probe.
        prepare: changes the root filesystem or the source directory before the run.
        plain: the change has no effect: what is seen is what the unchanged config.json shows.
    """

    name: str
    changes: Mapping[str, Any]
    extra: str = ""
    prepare: Callable[[Place], None] | None = None
    plain: bool = False


@dataclass(frozen=True)
class Place:
    """Where one run happens: every run has a root filesystem and a source directory of its own.

    Attributes:
        directory: of everything.
        tree: a directory of the host with another filesystem mounted in it, shared by all runs.
        holder: pid of a process with namespaces of its own, to be joined.
    """

    directory: Path
    tree: Path
    holder: int

    @property
    def rootfs(self) -> Path:
        """The container's root filesystem."""
        return self.directory / "rootfs"

    @property
    def source(self) -> Path:
        """Sources of bind mounts, and where hooks write."""
        return self.directory / "source"

    def names(self) -> dict[str, str]:
        """Words of the table → what they stand for."""
        return {
            "$ROOTFS": str(self.rootfs),
            "$SOURCE": str(self.source),
            "$TREE": str(self.tree),
            "$HOLDER": f"/proc/{self.holder}/ns",
        }


def changed(config: dict[str, Any], variation: Variation, place: Place) -> dict[str, Any]:
    """config.json of a row."""
    config = copy.deepcopy(config)
    for path, value in variation.changes.items():
        _change(config, path, _placed(copy.deepcopy(value), place.names()))
    return config


def _change(config: dict[str, Any], path: str, value: Any) -> None:
    names = path.rstrip("+-").split(".")
    inner: Any = config
    for name in names[:-1]:
        inner = inner[int(name)] if isinstance(inner, list) else inner.setdefault(name, {})
    last: Any = int(names[-1]) if isinstance(inner, list) else names[-1]
    if path.endswith("+"):
        inner.setdefault(last, []).extend(value)
    elif path.endswith("-"):
        del inner[last]
    else:
        inner[last] = value


def _placed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, meaning in names.items():
            value = value.replace(name, meaning)
        return value
    if isinstance(value, list):
        return [_placed(member, names) for member in value]
    if isinstance(value, dict):
        return {key: _placed(member, names) for key, member in value.items()}
    return value

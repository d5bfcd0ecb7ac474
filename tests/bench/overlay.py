"""One tree of 1, 10, 100 and 400 layers: mounting it, and what looking at it costs then.

The flat tree has the same files in one directory of the same disk: what a copy of the layers
would be. Needs root.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ocinb.overlay.manager import MountManager
from ocinb.overlay.trees import remove_tree
from tests.bench.measure import Line, Scaling

LAYERS = [1, 10, 100, 400]
FILES = 1200
"""In all layers together: each layer has as many as the others."""


class Stacks:
    """Trees of layers on the disk, made once for each count."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mounts = MountManager(directory / "mounts", scratch=directory)
        self._mounted: list[Path] = []

    def layers(self, count: int) -> list[Path]:
        """Directories, the lowest first."""
        found = [self.directory / f"{count}/{number}" for number in range(count)]
        for number, layer in enumerate(found):
            if not layer.exists():
                layer.mkdir(parents=True)
                self._fill(layer, range(number, FILES, count))
        return found

    def flat(self, count: int) -> Path:
        """The same files in one directory."""
        tree = self.directory / "flat"
        if not tree.exists():
            tree.mkdir()
            self._fill(tree, range(FILES))
        assert count
        return tree

    def mounted(self, count: int) -> Path:
        """The layers as one tree."""
        target = self.directory / f"tree-{count}"
        if target not in self._mounted:
            self.mounts.mount(self.layers(count), target)
            self._mounted.append(target)
        return target

    def mount(self, count: int) -> Callable[[], object]:
        """Mount, and unmount."""
        layers, target = self.layers(count), self.directory / "once"

        def act() -> None:
            self.mounts.mount(layers, target)
            self.mounts.unmount(target)

        return act

    def close(self) -> None:
        """Undo the mounts."""
        for target in self._mounted:
            self.mounts.unmount(target)

    @staticmethod
    def _fill(tree: Path, numbers: range) -> None:
        for number in numbers:
            path = tree / f"usr/d{number % 10}/f{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")


def _stat_all(tree: Path) -> Callable[[], object]:
    paths = [str(tree / f"usr/d{number % 10}/f{number}") for number in range(FILES)]

    def act() -> None:
        _forget()
        for path in paths:
            os.stat(path)

    return act


def _list_all(tree: Path) -> Callable[[], object]:
    def act() -> None:
        _forget()
        assert sum(len(os.listdir(tree / f"usr/d{number}")) for number in range(10)) == FILES

    return act


def _forget() -> None:
    """Let the kernel forget names, so that they are looked up in the layers."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("2")


def comparisons() -> Iterator[Scaling]:
    """Each of them, to be run before the next is asked for."""
    directory = Path(tempfile.mkdtemp(prefix="ocinb-bench-", dir="/var/tmp"))
    stacks = Stacks(directory)
    try:
        yield Scaling(
            "mount layers as one tree, and unmount",
            "layers",
            LAYERS,
            [Line("mount and umount", stacks.mount)],
        )
        yield Scaling(
            f"stat {FILES:,} files, names forgotten before",
            "layers",
            LAYERS,
            [
                Line("overlay", lambda count: _stat_all(stacks.mounted(count))),
                Line("flat tree", lambda count: _stat_all(stacks.flat(count))),
            ],
        )
        yield Scaling(
            f"list 10 directories with {FILES:,} files in all",
            "layers",
            LAYERS,
            [
                Line("overlay", lambda count: _list_all(stacks.mounted(count))),
                Line("flat tree", lambda count: _list_all(stacks.flat(count))),
            ],
        )
    finally:
        stacks.close()
        remove_tree(str(directory))
        shutil.rmtree(directory, ignore_errors=True)

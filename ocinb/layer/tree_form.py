"""Layers applied one over the other into one plain tree.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

import os
from pathlib import Path

from ocinb.layer import whiteout
from ocinb.layer.apply import Applier
from ocinb.layer.attributes import Kept
from ocinb.layer.changeset import Entry, Limits
from ocinb.layer.safe_path import Directory
from ocinb.layer.tar_reader import TarReader


class TreeApplier(Applier):
    """Applies a changeset in place, over what lower layers left in the target."""

    def __init__(self, target: Path, reader: TarReader, limits: Limits, what: str) -> None:
        self._made: set[str] = set()
        self._pruned: set[str] = set()
        super().__init__(target, reader, limits, what)

    def missing(self, directory: Directory, name: str, status: os.stat_result | None) -> str | None:
        """Make a parent that no entry names."""
        if status is None and not self.removing:
            self._made.add(self.make_directory(directory, name, self.default()))
        return None

    def found(self, path: str, status: os.stat_result) -> None:
        """Keep the time of a directory that is only passed through."""
        self._directories.setdefault(path, Kept.of(status))

    def made(self, path: str, _entry: Entry) -> None:
        """Whiteouts of this layer do not remove it."""
        self._made.add(path)

    def remove(self, entry: Entry) -> None:
        """Remove a path, except what this layer put there.

        Spec: image-spec layer.md#whiteouts
        """
        directory, name = self.root.place(entry.path)
        path = directory.child(name)
        if path in self._pruned or directory.lstat(name) is None:
            return
        self._pruned.add(path)
        reset: list[str] = []
        whiteout.prune_child(directory.fd, name, path, self._made, reset)
        self._reset(reset)

    def remove_children(self, entry: Entry) -> None:
        """Remove the children of a directory, except what this layer put there.

        Spec: image-spec layer.md#opaque-whiteout
        """
        directory = self.root.directory(entry.path)
        key = f"{directory.path}/"
        if key in self._pruned:
            return
        self._pruned.add(key)
        reset: list[str] = []
        whiteout.prune(directory.fd, directory.path, self._made, reset)
        self._reset(reset)

    def _reset(self, paths: list[str]) -> None:
        self.root.forget()
        for path in paths:
            self._directories[path] = self.default()

"""The difference of two trees as a changeset: applied to the first it gives the second.

One function for all: two directories, the stacks of two images, or the layers of a container
without and with its upper directory. Directories that both sides have in common are not entered.

Spec: image-spec layer.md#determining-changes
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ocinb.build.facts import Owners, entry_of, readable_entries, same_content
from ocinb.build.stack import Node, Stack
from ocinb.errors import LayerError
from ocinb.layer import changeset, whiteout
from ocinb.layer.changeset import Entry

_REDIRECTS = ("overlay.redirect", "overlay.metacopy")

Inode = tuple[int, int]


def diff(
    old: Stack,
    new: Stack,
    *,
    owners: Owners | None = None,
    epoch: int | None = None,
    unless_filled: frozenset[str] = frozenset(),
    root_time: bool = True,
) -> Iterator[Entry]:
    """The entries that change ``old`` into ``new``, parents first, in each directory whiteouts
    first, names in order.

    Every parent of a change is named, as other tools apply a layer without looking at those below
    it. A file is a change when anything that a layer can say of it differs: content, mode, owner,
    time, attributes, the names that share it. Files that an overlay copied up and nobody changed
    are left out.

    Args:
        owners: who owns what in the image; the disk's owners if not given.
        epoch: no time is later than this, seconds since the epoch (``SOURCE_DATE_EPOCH``).
        unless_filled: paths that are not news where they are new and empty: a container's mount
            points are made in its upper directory.
        root_time: whether the time of the root itself is compared; that of an upper directory
            is when the container was made.

    Raises:
        LayerError: a name begins with ``.wh.``, or overlayfs recorded a renamed directory.
        OSError: something cannot be read.

    Spec: image-spec layer.md#determining-changes
    """
    comparison = _Comparison(owners or Owners(), unless_filled, root_time)
    comparison.compare(old, new, old.root, new.root)
    yield from readable_entries(comparison.entries(), epoch)


class _Comparison:
    """Walks both trees, then puts the changes in order.

    Whether one name of several that share a file must be in the layer is known only when all of
    them were seen.
    """

    def __init__(self, owners: Owners, unless_filled: frozenset[str], root_time: bool) -> None:
        self._owners = owners
        self._unless_filled = unless_filled
        self._root_time = root_time
        self._found: list[tuple[Entry, Node | None, bool]] = []  # entry, its file, is a change
        self._groups: dict[Inode, list[int]] = {}  # several names of one file → places in _found
        self._before: dict[int, Inode] = {}  # place in _found → the inode its path had
        self._kept: set[Inode] = set()  # files that both sides have

    def compare(self, old: Stack, new: Stack, before: Node, after: Node) -> None:
        """Note the changes of a directory that both have."""
        entry = self._entry(after, before)
        assert entry is not None  # a directory has one
        if after.path in self._unless_filled or not (after.path or self._root_time):
            # Making mount points in it has changed its time, perhaps nothing else has.
            entry.mtime = before.status.st_mtime_ns
        changed = not before.places or not _same(entry, before, after, self._owners)
        self._found.append((entry, None, changed))
        if before.places == after.places:
            return
        earlier = {node.name: node for node in old.children(before)}
        later = {node.name: node for node in new.children(after)}
        # Whiteouts first, as layer.md#whiteouts wishes.
        for name in sorted(earlier.keys() - later.keys(), key=os.fsencode):
            self._found.append((Entry(earlier[name].path, changeset.WHITEOUT), None, True))
        for name in sorted(later, key=os.fsencode):
            self._compare_child(old, new, earlier.get(name), later[name])

    def _compare_child(self, old: Stack, new: Stack, before: Node | None, after: Node) -> None:
        if before is not None and before.is_directory and after.is_directory:
            self.compare(old, new, before, after)
        elif after.is_directory:
            self._add_tree(new, after)
        elif before is None or before.is_directory:
            self._add(after, None, changed=True)
        elif _inode(before) == _inode(after):
            self._kept.add(_inode(after))
        else:
            entry = self._entry(after, before)
            changed = entry is not None and not _same(entry, before, after, self._owners)
            self._add(after, before, changed=changed)

    def _add_tree(self, new: Stack, node: Node) -> None:
        entry = self._entry(node, None)
        assert entry is not None
        self._found.append((entry, None, node.path not in self._unless_filled))
        for child in new.children(node):
            if child.is_directory:
                self._add_tree(new, child)
            else:
                self._add(child, None, changed=True)

    def _add(self, node: Node, before: Node | None, *, changed: bool) -> None:
        entry = self._entry(node, before)
        if entry is None:
            return
        if before is None and node.path in self._unless_filled and not node.status.st_size:
            return
        place = len(self._found)
        self._found.append((entry, node, changed))
        if node.status.st_nlink > 1:
            self._groups.setdefault(_inode(node), []).append(place)
        if before is not None:
            self._before[place] = _inode(before)

    def _entry(self, node: Node, before: Node | None) -> Entry | None:
        if node.name.startswith(whiteout.PREFIX):
            raise LayerError(
                f"{node.path!r} cannot be in a layer: a name that begins with {whiteout.PREFIX} "
                "says there that something is removed",
                citation="image-spec layer.md#whiteouts",
            )
        if node.is_directory:
            _refuse_redirect(node)
        return entry_of(node, self._owners, before)

    def entries(self) -> Iterator[Entry]:
        """The changes, with their parents."""
        changed = self._settle_links()
        first_names: dict[Inode, str] = {}
        waiting: list[Entry] = []  # parents that are named once something in them is
        for place, (entry, node, _) in enumerate(self._found):
            while waiting and not _within(entry.path, waiting[-1].path):
                waiting.pop()
            if place not in changed:
                if node is None:
                    waiting.append(entry)
                continue
            yield from waiting
            waiting.clear()
            if node is None:
                yield entry
                continue
            inode = _inode(node)
            if inode in first_names:
                yield Entry(
                    entry.path,
                    changeset.HARDLINK,
                    entry.mode,
                    entry.uid,
                    entry.gid,
                    entry.mtime,
                    linkname=first_names[inode],
                )
                continue
            if node.status.st_nlink > 1:
                first_names[inode] = entry.path
            yield entry

    def _settle_links(self) -> set[int]:
        """Which places are changes: all names of a file, or none.

        A file that looks the same under each name is no change only if its names shared one file
        before, and no other file of now claims that one.

        Spec: image-spec layer.md#hardlinks
        """
        changed = {place for place, found in enumerate(self._found) if found[2]}
        alone = [[place] for place in self._before if place not in self._grouped()]
        claimed = set(self._kept)
        for group in sorted([*self._groups.values(), *alone]):
            sources = {self._before.get(place) for place in group}
            source = sources.pop() if len(sources) == 1 else None
            if source is None or source in claimed or changed.intersection(group):
                changed.update(group)
            else:
                claimed.add(source)
        return changed

    def _grouped(self) -> set[int]:
        return {place for group in self._groups.values() for place in group}


def _same(entry: Entry, before: Node, after: Node, owners: Owners) -> bool:
    """Whether a path is the same on both sides in everything that a layer says."""
    earlier = entry_of(before, owners, before)
    if earlier is None:
        return False
    for name in ("kind", "mode", "uid", "gid", "mtime", "size", "linkname", "xattrs", "device"):
        if getattr(entry, name) != getattr(earlier, name):
            return False
    return entry.kind != changeset.FILE or same_content(before, after)


def _refuse_redirect(node: Node) -> None:
    for namespace in ("trusted", "user"):
        for attribute in _REDIRECTS:
            try:
                os.getxattr(node.places[0], f"{namespace}.{attribute}")
            except (OSError, IndexError):
                continue
            raise LayerError(
                f"{node.path!r} was renamed by overlayfs in a way that only overlayfs can read",
                hint="mount with redirect_dir=off and metacopy=off, as ocinb does",
            )


def _inode(node: Node) -> Inode:
    return node.status.st_dev, node.status.st_ino


def _within(path: str, directory: str) -> bool:
    return not directory or path.startswith(f"{directory}/")

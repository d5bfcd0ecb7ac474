"""Applying the entries of a changeset to a directory, one after the other.

Here stands what both forms of a target have in common; ``tree_form`` and ``overlay_form`` add
what parents, whiteouts and finishing mean in theirs.

Spec: image-spec layer.md#applying-changesets
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import stat
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from ocinb.errors import LayerError, LimitExceeded
from ocinb.layer import changeset, whiteout
from ocinb.layer.attributes import Attributes, Keeps, Kept
from ocinb.layer.changeset import Entry, Limits
from ocinb.layer.safe_path import Directory, Root
from ocinb.layer.tar_reader import TarReader

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DEVICE_TYPE = {changeset.CHAR: stat.S_IFCHR, changeset.BLOCK: stat.S_IFBLK}
_NO_SPACE_MODE = 0o700  # of a directory until its own mode is set at the end


class Applier:
    """Applies entries beneath a root; a context manager.

    Args:
        target: the directory.
        reader: from which the content of each entry is taken.
        limits: ``size`` bounds the content, holes included.
        what: how the layer is called in errors.

    Attributes:
        counts: entries by kind.
        content: bytes of regular files, holes included.
        devices_skipped: device nodes that this user may not make.
        removing: whether the entry being applied removes something.
    """

    def __init__(self, target: Path, reader: TarReader, limits: Limits, what: str) -> None:
        self.counts: Counter[str] = Counter()
        self.content = 0
        self.devices_skipped = 0
        self.removing = False
        self.attributes = Attributes()
        self._directories: dict[str, Keeps] = {}  # by real path, set when everything is in them
        self._unmade: dict[str, Entry] = {}  # devices by real path
        self.root = Root(target, self.missing, self.found)
        self._reader = reader
        self._limits = limits
        self._what = what
        self._uid, self._gid = self.attributes.uid, self.attributes.gid
        self._apply = {
            changeset.FILE: self._file,
            changeset.DIRECTORY: self._directory,
            changeset.SYMLINK: self._symlink,
            changeset.HARDLINK: self._hardlink,
            changeset.FIFO: self._fifo,
            changeset.CHAR: self._device,
            changeset.BLOCK: self._device,
            changeset.WHITEOUT: self._removal,
            changeset.OPAQUE: self._removal,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.root.close()

    def apply(self, entry: Entry) -> None:
        """Apply one entry.

        Raises:
            LayerError: it cannot be applied. OSError: the kernel refused.
        """
        self.counts[entry.kind] += 1
        self._apply[entry.kind](entry)

    def finish(self) -> None:
        """Give the directories their attributes, the deepest first."""
        order = sorted(self._directories, key=lambda path: (-path.count("/") - bool(path), path))
        for path in order:
            wanted = self._directories[path]
            try:
                fd = self.root.real(path).fd
            except (FileNotFoundError, NotADirectoryError):
                continue  # replaced by a later entry
            status = os.fstat(fd)  # it may be a lower layer's, or have its parent's group
            if wanted.uid != status.st_uid or wanted.gid != status.st_gid:
                self.attributes.own(fd, wanted, path)
            if isinstance(wanted, Entry):
                self.attributes.drop_xattrs(fd, wanted, path)
            self.attributes.set_open(fd, wanted, path=path, chmod=True)

    def missing(self, directory: Directory, name: str, status: os.stat_result | None) -> str | None:
        """A parent that is not there; see ``Root``."""
        raise NotImplementedError

    def found(self, path: str, status: os.stat_result) -> None:
        """A directory was opened; see ``Root``."""

    def remove(self, entry: Entry) -> None:
        """Remove a path of the lower layers. Spec: image-spec layer.md#whiteouts"""
        raise NotImplementedError

    def remove_children(self, entry: Entry) -> None:
        """Remove the children that lower layers gave. Spec: image-spec layer.md#opaque-whiteout"""
        raise NotImplementedError

    def made(self, path: str, entry: Entry) -> None:
        """An entry was made at a real path."""

    def linked(self, path: str, _source: str, entry: Entry) -> None:
        """A hard link was made at a real path; the source is the other real path."""
        self.made(path, entry)

    def unmade(self, path: str, entry: Entry) -> None:
        """A device could not be made, and was left out."""

    def cleared(self, path: str) -> None:
        """A directory that this layer made is gone, with all that was in it."""

    def over(self, directory: Directory, name: str) -> None:
        """A directory took the place of something else that this layer or a lower one had."""

    def left_out(self, directory: Directory, name: str) -> None:
        """Something could not be made; what it should have replaced must not show either."""

    def link_source(self, directory: Directory, name: str, entry: Entry) -> None:
        """Called before a hard link is made to a name."""

    def default(self) -> Kept:
        """Attributes of a parent that no layer names."""
        return Kept(0o755, self._uid, self._gid, 0)

    def make_directory(self, directory: Directory, name: str, wanted: Keeps) -> str:
        """Make a directory whose attributes are set at the end; its real path."""
        os.mkdir(name, _NO_SPACE_MODE, dir_fd=directory.fd)
        path = directory.child(name)
        self._directories[path] = wanted
        return path

    def _removal(self, entry: Entry) -> None:
        """A whiteout; it never makes anything, so that the order of entries does not matter."""
        self.removing = True
        try:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                if entry.kind == changeset.WHITEOUT:
                    self.remove(entry)
                else:
                    self.remove_children(entry)
        finally:
            self.removing = False

    def _file(self, entry: Entry) -> None:
        self.content += entry.size
        if self.content > self._limits.size:
            raise LimitExceeded(
                f"{self._what}: its files have more than {self._limits.size:,} bytes",
                hint="if you trust it: OCINB_LAYER_LIMITS=size=NUMBER",
            )
        directory, name = self.root.place(entry.path)
        mode = entry.mode
        try:
            fd = os.open(name, _CREATE, mode & 0o777, dir_fd=directory.fd)
        except FileExistsError:
            self._make_room(directory, name)
            fd = os.open(name, _CREATE, mode & 0o777, dir_fd=directory.fd)
        try:
            if entry.extents is not None:
                os.ftruncate(fd, entry.size)
                self._reader.copy_extents_to(fd, entry.extents)
            else:
                self._reader.copy_to(fd)
            if entry.uid != self._uid or entry.gid != self._gid or directory.setgid:
                self.attributes.own(fd, entry, entry.path)
            self.attributes.set_open(
                fd, entry, path=entry.path, chmod=self.attributes.needs_chmod(mode)
            )
        finally:
            os.close(fd)
        self.made(directory.child(name), entry)

    def _directory(self, entry: Entry) -> None:
        if not entry.path:
            self._directories[""] = entry
            return
        directory, name = self.root.place(entry.path)
        path = directory.child(name)
        try:
            os.mkdir(name, _NO_SPACE_MODE, dir_fd=directory.fd)
        except FileExistsError:
            status = directory.lstat(name)
            if status is None or not stat.S_ISDIR(status.st_mode):
                self._make_room(directory, name)
                os.mkdir(name, _NO_SPACE_MODE, dir_fd=directory.fd)
                self.over(directory, name)
        self._directories[path] = entry
        self.made(path, entry)

    def _symlink(self, entry: Entry) -> None:
        directory, name = self.root.place(entry.path)
        try:
            os.symlink(entry.linkname, name, dir_fd=directory.fd)
        except FileExistsError:
            self._make_room(directory, name)
            os.symlink(entry.linkname, name, dir_fd=directory.fd)
        self._set_named(directory, name, entry)

    def _hardlink(self, entry: Entry) -> None:
        directory, name = self.root.place(entry.path)
        source, source_name = self.root.place(entry.linkname)
        if source.path == directory.path and source_name == name:
            raise LayerError(f"{self._what}: {entry.path!r} is a hard link to itself")
        device = self._unmade.get(source.child(source_name))
        if device is not None and _shows_nothing(source.lstat(source_name)):
            self._device(dataclasses.replace(device, path=entry.path))
            return
        self.link_source(source, source_name, entry)
        try:
            self._link(source, source_name, directory, name)
        except FileExistsError:
            self._make_room(directory, name)
            self._link(source, source_name, directory, name)
        except FileNotFoundError:
            raise LayerError(
                f"{self._what}: {entry.path!r} is a hard link to {entry.linkname!r}, "
                "which does not exist",
                citation="image-spec layer.md#hardlinks",
            ) from None
        except PermissionError:
            raise LayerError(
                f"{self._what}: {entry.path!r} cannot be a hard link to {entry.linkname!r}",
                hint="it may be a directory, which has no hard links",
                citation="image-spec layer.md#hardlinks",
            ) from None
        self.linked(directory.child(name), source.child(source_name), entry)

    def _link(self, source: Directory, source_name: str, directory: Directory, name: str) -> None:
        os.link(
            source_name,
            name,
            src_dir_fd=source.fd,
            dst_dir_fd=directory.fd,
            follow_symlinks=False,
        )

    def _fifo(self, entry: Entry) -> None:
        directory, name = self.root.place(entry.path)
        try:
            os.mkfifo(name, entry.mode, dir_fd=directory.fd)
        except FileExistsError:
            self._make_room(directory, name)
            os.mkfifo(name, entry.mode, dir_fd=directory.fd)
        self._set_named(directory, name, entry)

    def _device(self, entry: Entry) -> None:
        directory, name = self.root.place(entry.path)
        if directory.lstat(name) is not None:
            self._make_room(directory, name)
        refused = "the kernel's mark for a removed file" if whiteout.is_mark(entry) else None
        if refused is None:
            device = os.makedev(*entry.device)
            mode = entry.mode | _DEVICE_TYPE[entry.kind]
            try:
                os.mknod(name, mode, device=device, dir_fd=directory.fd)
            except PermissionError:
                refused = "this user may not make it"
        if refused:
            self.devices_skipped += 1
            major, minor = entry.device
            self.attributes.skip(entry.path, f"{entry.kind} device {major}:{minor}: {refused}")
            self.left_out(directory, name)
            if not whiteout.is_mark(entry):
                self._unmade[directory.child(name)] = entry
                self.unmade(directory.child(name), entry)
            return
        self._set_named(directory, name, entry)

    def _set_named(self, directory: Directory, name: str, entry: Entry) -> None:
        if entry.uid != self._uid or entry.gid != self._gid or directory.setgid:
            self.attributes.own_named(directory.fd, name, entry, entry.path)
        link = entry.kind == changeset.SYMLINK
        self.attributes.set_named(directory.fd, name, entry, path=entry.path, link=link)
        self.made(directory.child(name), entry)

    def _make_room(self, directory: Directory, name: str) -> None:
        """Remove what an entry takes the place of: a link itself, a directory with all in it.

        Spec: image-spec layer.md#changeset-over-existing-files
        """
        status = directory.lstat(name)
        if status is None:
            return
        if stat.S_ISDIR(status.st_mode):
            whiteout.prune_child(directory.fd, name, directory.child(name), (), [])
            self.root.forget()
            self.cleared(directory.child(name))
        else:
            os.unlink(name, dir_fd=directory.fd)
            if stat.S_ISLNK(status.st_mode):
                self.root.forget()


def _shows_nothing(status: os.stat_result | None) -> bool:
    return status is None or whiteout.is_device(status.st_mode, status.st_rdev)


def remove_content(target: Path) -> None:
    """Remove everything in a directory, also what its owner locked; errors are ignored."""
    with contextlib.suppress(OSError):
        fd = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            whiteout.prune(fd, "", (), [])
        finally:
            os.close(fd)

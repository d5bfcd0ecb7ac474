"""What a layer says of a file: read from disk, with the owners that it has in the image.

Spec: image-spec layer.md#file-attributes
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ocinb.build.stack import Node
from ocinb.layer import changeset, whiteout
from ocinb.layer.changeset import Entry
from ocinb.overlay.own_files import owners_of, record_beside

Recorded = Callable[[str], tuple[int, int] | None]
"""Path of a lower layer → the owner that its archive names, where the disk does not have it."""

_KINDS = {
    stat.S_IFREG: changeset.FILE,
    stat.S_IFDIR: changeset.DIRECTORY,
    stat.S_IFLNK: changeset.SYMLINK,
    stat.S_IFIFO: changeset.FIFO,
    stat.S_IFCHR: changeset.CHAR,
    stat.S_IFBLK: changeset.BLOCK,
}
_OF_THE_HOST = frozenset({"security.selinux", "security.ima", "security.evm", "system.nfs4_acl"})
"""Attributes that this machine's policy gives to files; an image is not the place for them."""

_CHUNK = 1 << 20
_CAPABILITY = "security.capability"
_CAPABILITY_V3, _CAPABILITY_V2 = 0x03000000, 0x02000000
_REVISION_MASK = 0xFF000000


class Owners:
    """Who owns a file in the image, when it belongs to somebody on this machine's disk.

    The superuser's files keep their numbers. An ordinary user's containers have one user, who is
    their superuser and on disk is the user itself; whoever else owned a file of a lower layer is
    found in what the layer's archive says.

    Args:
        recorded: see ``Recorded``; None: the disk has the owners.
        upper: an upper directory whose files were made the user's own; see ``own_files``.
        uid, gid: who stands for the superuser; None where files have their real owners.
    """

    def __init__(
        self,
        recorded: Recorded | None = None,
        *,
        uid: int | None = None,
        gid: int | None = None,
        upper: Path | None = None,
    ) -> None:
        self._upper = f"{upper}/" if upper is not None else ""
        self._taken = owners_of(record_beside(upper)) if upper is not None else None
        self._recorded = recorded
        self._uid = uid
        self._gid = gid

    @classmethod
    def here(cls, recorded: Recorded | None = None, upper: Path | None = None) -> Owners:
        """Those of the user that this process is."""
        if os.geteuid() == 0:
            return cls()
        return cls(recorded, uid=os.geteuid(), gid=os.getegid(), upper=upper)

    def of(self, node: Node, before: Node | None) -> tuple[int, int]:
        """User and group of a file in the image.

        Args:
            before: what its path was in the layers below.
        """
        if self._taken is not None and node.places and self._is_upper(node.places[0]):
            return self._taken.get(node.path, (0, 0))
        status = node.status
        own = (status.st_uid, status.st_gid)
        if before is not None and own == (before.status.st_uid, before.status.st_gid):
            known = self.recorded(before)
            if known is not None:
                return known
        return (
            0 if own[0] == self._uid else own[0],
            0 if own[1] == self._gid else own[1],
        )

    def _is_upper(self, place: str) -> bool:
        return f"{place}/".startswith(self._upper)

    def recorded(self, node: Node) -> tuple[int, int] | None:
        """What the archive of a lower layer says, where the disk does not have the owners."""
        return self._recorded(node.path) if self._recorded is not None else None

    def capability(self, value: bytes) -> bytes:
        """A file's capabilities as a layer has them: given by the superuser of every namespace.

        In a user namespace the kernel notes whose superuser gave them. Spec: none (Linux)
        """
        if len(value) == 24 and self._uid is not None:
            (magic,) = struct.unpack_from("<I", value)
            (root,) = struct.unpack_from("<I", value, 20)
            if magic & _REVISION_MASK == _CAPABILITY_V3 and root == self._uid:
                return struct.pack("<I", _CAPABILITY_V2 | magic & 1) + value[4:20]
        return value


def kind_of(node: Node) -> str | None:
    """Its kind in a changeset; None for a socket, which an archive cannot hold."""
    return _KINDS.get(stat.S_IFMT(node.status.st_mode))


def entry_of(node: Node, owners: Owners, before: Node | None = None) -> Entry | None:
    """The entry that makes this file; None for a socket.

    Args:
        before: what its path was in the layers below, if it was there.

    Raises:
        OSError: it cannot be read.
    """
    kind = kind_of(node)
    if kind is None:
        return None
    status, place = node.status, node.places[0] if node.places else None
    uid, gid = owners.of(node, before)
    return Entry(
        path=node.path,
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=uid,
        gid=gid,
        mtime=status.st_mtime_ns,
        size=status.st_size if kind == changeset.FILE else 0,
        linkname=os.readlink(place) if place and kind == changeset.SYMLINK else "",
        xattrs=_xattrs(node, before, owners),
        device=(os.major(status.st_rdev), os.minor(status.st_rdev))
        if kind in (changeset.CHAR, changeset.BLOCK)
        else (0, 0),
        source=Path(place) if place and kind == changeset.FILE else None,
    )


def _xattrs(node: Node, before: Node | None, owners: Owners) -> Mapping[str, bytes]:
    """Those on the disk, and those that the archive named and the disk could not keep.

    A file that was copied up has those that it had; whose content changed loses its
    capabilities, as the kernel would have taken them from it.
    """
    if not node.places:
        return changeset.NO_XATTRS
    found = xattrs_of(node.places[0], owners)
    named = node.named
    if not named and before is not None and before.named and kind_of(before) == kind_of(node):
        named = before.named
        if _CAPABILITY in named and node.is_file and not same_content(before, node):
            named = {name: value for name, value in named.items() if name != _CAPABILITY}
    kept = {name: value for name, value in named.items() if not whiteout.is_overlay_xattr(name)}
    return {**kept, **found}


def xattrs_of(place: str, owners: Owners) -> dict[str, bytes]:
    """Extended attributes of a file as an image may have them.

    Raises:
        OSError: they cannot be read.
    """
    found = {}
    try:
        names = os.listxattr(place, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EPERM, errno.EACCES):
            return {}
        raise
    for name in names:
        if name in _OF_THE_HOST or whiteout.is_overlay_xattr(name):
            continue
        try:
            value = os.getxattr(place, name, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENODATA, errno.EACCES, errno.EPERM):
                continue
            raise
        found[name] = owners.capability(value) if name == _CAPABILITY else value
    return found


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Meanwhile the file can be read: an ordinary user's own may be without that permission."""
    mode = stat.S_IMODE(os.lstat(path).st_mode)
    if os.geteuid() == 0 or mode & 0o400 or os.access(path, os.R_OK):
        yield
        return
    os.chmod(path, mode | 0o400)
    try:
        yield
    finally:
        os.chmod(path, mode)


def readable_entries(entries: Iterable[Entry], epoch: int | None) -> Iterator[Entry]:
    """The entries, each file readable while it is packed, none later than ``epoch``."""
    for entry in entries:
        if epoch is not None:
            entry.mtime = min(entry.mtime, epoch * 10**9)
        if isinstance(entry.source, Path):
            with readable(entry.source):
                yield entry
        else:
            yield entry


def same_content(before: Node, after: Node) -> bool:
    """Whether two regular files hold the same bytes.

    Raises:
        OSError: one cannot be read.
    """
    if before.status.st_size != after.status.st_size:
        return False
    one, other = Path(before.places[0]), Path(after.places[0])
    with readable(one), readable(other), one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(_CHUNK), right.read(_CHUNK)
            if a != b:
                return False
            if not a:
                return True

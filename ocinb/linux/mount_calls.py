"""System calls about mounts."""

from __future__ import annotations

import sys

from ocinb.linux import flags as f
from ocinb.linux.calls import Calls, buffer, text
from ocinb.linux.flags import Named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.calls import StrPath


_STATFS = 120  # bytes of struct statfs


class MountCalls(Calls):
    """Making, changing and moving mounts."""

    def mount(
        self,
        source: StrPath | None,
        target: StrPath,
        fstype: str | None,
        flags: int = 0,
        data: str | None = None,
    ) -> None:
        """mount(2)."""
        shown = (source or "none", target, fstype or "none", Named("MS_", flags), data or "")
        self._call("mount", shown, text(source), text(target), text(fstype), flags, text(data))

    def umount(self, target: StrPath, flags: int = 0) -> None:
        """umount2(2)."""
        shown = (target, Named("MNT_", flags & ~f.UMOUNT_NOFOLLOW))
        self._call("umount2", shown, text(target), flags)

    def pivot_root(self, new: StrPath, old: StrPath) -> None:
        """pivot_root(2)."""
        self._call("pivot_root", (new, old), text(new), text(old))

    def open_tree(self, dirfd: int, path: StrPath, flags: int) -> int:
        """open_tree(2): a descriptor of a mount, or of a detached copy of it."""
        shown = (dirfd, path, hex(flags))
        return self._call("open_tree", shown, dirfd, text(path), flags | f.OPEN_TREE_CLOEXEC)

    def move_mount(
        self, from_fd: int, from_path: StrPath, to_fd: int, to_path: StrPath, flags: int
    ) -> None:
        """move_mount(2): attach a detached mount."""
        shown = (from_fd, from_path, to_fd, to_path, Named("MOVE_MOUNT_", flags))
        raw = (from_fd, text(from_path), to_fd, text(to_path), flags)
        self._call("move_mount", shown, *raw)

    def fsopen(self, fstype: str) -> int:
        """fsopen(2): a descriptor with which a filesystem is configured."""
        return self._call("fsopen", (fstype,), text(fstype), f.FSOPEN_CLOEXEC)

    def fsconfig(
        self, fd: int, command: int, key: str | None = None, value: str | None = None, aux: int = 0
    ) -> None:
        """fsconfig(2)."""
        shown = (fd, command, key or "", value or "", aux)
        self._call("fsconfig", shown, fd, command, text(key), text(value), aux)

    def fsmount(self, fd: int, attributes: int = 0) -> int:
        """fsmount(2): a detached mount of a configured filesystem."""
        shown = (fd, Named("MOUNT_ATTR_", attributes))
        return self._call("fsmount", shown, fd, f.FSMOUNT_CLOEXEC, attributes)

    def mount_setattr(
        self,
        dirfd: int,
        path: StrPath,
        flags: int,
        *,
        set_: int = 0,
        clear: int = 0,
        propagation: int = 0,
        userns_fd: int = 0,
    ) -> None:
        """mount_setattr(2); ``AT_RECURSIVE`` in ``flags`` changes the whole tree."""
        attributes = b"".join(
            value.to_bytes(8, sys.byteorder) for value in (set_, clear, propagation, userns_fd)
        )
        shown = (
            dirfd,
            path,
            Named("AT_", flags),
            f"set {Named('MOUNT_ATTR_', set_)} clear {Named('MOUNT_ATTR_', clear)}",
        )
        raw = (dirfd, text(path), flags, attributes, len(attributes))
        self._call("mount_setattr", shown, *raw)

    def fstatfs(self, fd: int) -> int:
        """fstatfs(2): the kind of filesystem that a file is on (``f_type``)."""
        found = buffer(_STATFS)
        self._call("fstatfs", (fd,), fd, found)
        return int.from_bytes(found.raw[:8], sys.byteorder)

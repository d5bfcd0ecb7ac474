"""Owner, mode, extended attributes and time of what was unpacked.

What this user or this filesystem cannot keep is left out and counted, not fatal: an ordinary user
unpacks what an ordinary user can.

Spec: image-spec layer.md#file-attributes
"""

from __future__ import annotations

import dataclasses
import errno
import os
import re
import stat
from collections.abc import Mapping

from ocinb.layer.changeset import NO_XATTRS, Entry
from ocinb.layer.whiteout import is_overlay_xattr

MAX_SKIPPED = 1000
"""How many things that were left out are named; all are counted."""

_CANNOT = frozenset({errno.EPERM, errno.EACCES, errno.EINVAL, errno.EOPNOTSUPP, errno.ENODATA})
_SPECIAL = 0o7000
_OF_THE_HOST = frozenset({"security.selinux", "security.ima", "security.evm"})
"""Attributes that this machine's policy gives to whatever is made."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """Attributes of a file that no entry of the changeset names; see ``Entry``."""

    mode: int
    uid: int
    gid: int
    mtime: int
    xattrs: Mapping[str, bytes] = dataclasses.field(default_factory=lambda: NO_XATTRS)

    @classmethod
    def of(cls, status: os.stat_result, xattrs: Mapping[str, bytes] = NO_XATTRS) -> Kept:
        """Those of an existing file."""
        mode = stat.S_IMODE(status.st_mode)
        return cls(mode, status.st_uid, status.st_gid, status.st_mtime_ns, xattrs)


Keeps = Entry | Kept


class Attributes:
    """Sets attributes, and remembers what could not be set.

    Attributes:
        skipped: ``(path, what was left out)``, ``MAX_SKIPPED`` at most.
        owners_skipped: how many owners could not be set.
        xattrs_skipped: how many extended attributes could not be set.
    """

    def __init__(self) -> None:
        self.skipped: list[tuple[str, str]] = []
        self.owners_skipped = 0
        self.xattrs_skipped = 0
        self.uid = os.geteuid()
        self.gid = os.getegid()
        self.umask = current_umask()

    def skip(self, path: str, what: str) -> None:
        """Remember something that was left out."""
        if len(self.skipped) < MAX_SKIPPED:
            self.skipped.append((path, what))

    def set_open(self, fd: int, wanted: Keeps, *, path: str, chmod: bool) -> None:
        """Set everything but the owner, which ``own`` sets before, on an open file or directory."""
        if wanted.xattrs:
            self._set_xattrs(fd, wanted.xattrs, path, follow=True)
        if chmod:
            os.fchmod(fd, wanted.mode)
        os.utime(fd, ns=(wanted.mtime, wanted.mtime))

    def set_named(self, directory: int, name: str, wanted: Keeps, *, path: str, link: bool) -> None:
        """As ``set_open`` for what has no descriptor: a link (it has no mode), fifo, device."""
        if wanted.xattrs:
            self._set_xattrs(f"/proc/self/fd/{directory}/{name}", wanted.xattrs, path, follow=False)
        if not link:
            os.chmod(name, wanted.mode, dir_fd=directory)
        times = (wanted.mtime, wanted.mtime)
        os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)

    def drop_xattrs(self, fd: int, wanted: Keeps, path: str) -> None:
        """Remove the attributes of an existing directory that its new entry does not name.

        Spec: image-spec layer.md#changeset-over-existing-files
        """
        try:
            names = os.listxattr(fd)
        except OSError as error:
            self._check(error)
            return
        for name in names:
            if name in wanted.xattrs or is_overlay_xattr(name) or name in _OF_THE_HOST:
                continue
            try:
                os.removexattr(fd, name)
            except OSError as error:
                self._check(error)
                self._xattr_skipped(path, f"xattr {name}: it cannot be removed")

    def own(self, fd: int, wanted: Keeps, path: str) -> None:
        """Set the owner of an open file."""
        if self.uid:
            self._owner_skipped(wanted, path)
            return
        try:
            os.fchown(fd, wanted.uid, wanted.gid)
        except OSError as error:
            self._check(error)
            self._owner_skipped(wanted, path)

    def own_named(self, directory: int, name: str, wanted: Keeps, path: str) -> None:
        """Set the owner of a name in a directory; a link is not followed."""
        if self.uid:
            self._owner_skipped(wanted, path)
            return
        try:
            os.chown(name, wanted.uid, wanted.gid, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            self._check(error)
            self._owner_skipped(wanted, path)

    def _set_xattrs(
        self, target: int | str, xattrs: Mapping[str, bytes], path: str, *, follow: bool
    ) -> None:
        for name, value in xattrs.items():
            if is_overlay_xattr(name):
                self._xattr_skipped(path, f"xattr {name}: overlayfs would obey it")
                continue
            try:
                os.setxattr(target, name, value, follow_symlinks=follow)
            except OSError as error:
                self._check(error)
                self._xattr_skipped(path, f"xattr {name}: {os.strerror(error.errno or 0).lower()}")

    def _xattr_skipped(self, path: str, what: str) -> None:
        self.xattrs_skipped += 1
        self.skip(path, what)

    def _owner_skipped(self, wanted: Keeps, path: str) -> None:
        self.owners_skipped += 1
        self.skip(path, f"owner {wanted.uid}:{wanted.gid}")

    def _check(self, error: OSError) -> None:
        if error.errno not in _CANNOT:
            raise error

    def needs_chmod(self, mode: int) -> bool:
        """Whether ``open`` with this mode leaves a file without some of it."""
        return bool(mode & (self.umask | _SPECIAL))


def current_umask() -> int:
    """This process's umask, without setting it for a moment as ``os.umask`` would.

    Without ``/proc`` it is taken to forbid everything: each mode is then set explicitly.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            match = re.search(r"^Umask:\s*(\d+)$", status.read(), re.MULTILINE)
    except OSError:
        match = None
    return int(match[1], 8) if match else 0o777

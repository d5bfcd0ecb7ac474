"""A tar archive taken apart beneath a directory that somebody else may control.

The archive is a stranger's too: a path or link of it is resolved beneath the root, so neither leads
out, whatever links there are already and whatever links come before in the archive.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile

from ocinb.engine.copying.replacing import directory_for_file, replacing
from ocinb.errors import ContainerError, SyscallError
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from _typeshed import WriteableBuffer

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_PATH | os.O_DIRECTORY
_IDS = 1 << 32  # the last one is none: to chown it says that nothing is to change
_MAJORS, _MINORS = 1 << 12, 1 << 20
_TIMES = 1 << 62
_MOST_READS_AT_END = 100
"""Of a good archive the end is read once or twice."""
_NOT_AN_ARCHIVE = (tarfile.TarError, ValueError, OverflowError, RecursionError, EOFError)
"""What tarfile raises for headers that it does not expect; its own errors are not all."""


class _Ending(io.RawIOBase):
    """An archive that says when there is no more of it to skip.

    ``tarfile`` goes over what an entry claims to be long block by block, whether there is anything
    or not: a claim of 2 ** 90 bytes would keep it busy for ever.
    """

    def __init__(self, archive: IO[bytes]) -> None:
        self._archive = archive
        self._reads_at_end = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As of any file. Raises: EOFError: its end was read again and again."""
        space = memoryview(buffer).cast("B")
        data = self._archive.read(len(space))
        if not data:
            self._reads_at_end += 1
            if self._reads_at_end > _MOST_READS_AT_END:
                raise EOFError("an entry claims to be longer than all of it")
        space[: len(data)] = data
        return len(data)


class Extractor:
    """Puts the entries of an archive into a tree.

    Args:
        root: a descriptor of the root beneath which everything is resolved.
        base: the directory, as seen from the root, that the entries' names count from.
        names: the first part of the entries' names → what takes its place; empty: names stay.
        owner: uid and gid of everything; None: as the archive says.
        harmless: whether what gives its users power is not made: no program runs as its owner or
            group, and devices are left out.

    Attributes:
        left_out: the names of entries that were not made.
    """

    def __init__(
        self,
        root: int,
        base: str,
        names: dict[str, str],
        owner: tuple[int, int] | None,
        *,
        harmless: bool = False,
    ) -> None:
        self._tree = Beneath(Kernel(), root)
        self._base = base
        self._names = names
        self._owner = owner
        self._harmless = harmless
        self.left_out: set[str] = set()
        self._times: list[tuple[str, float]] = []

    def extract(self, archive: IO[bytes]) -> None:
        """Take the archive apart.

        Raises:
            ContainerError: it is no archive, or names a path that leads out.
            OSError: something cannot be made.
        """
        try:
            ending = io.BufferedReader(_Ending(archive))
            with tarfile.open(fileobj=ending, mode="r|*") as entries:
                for entry in entries:
                    content = entries.extractfile(entry) if entry.isreg() else None
                    self._put(entry, content)
        except _NOT_AN_ARCHIVE as error:
            raise ContainerError(f"what was given is not a tar archive: {error}") from None
        # Last, for making what is inside changes a directory's time.
        for path, when in reversed(self._times):
            self._set_time(path, when)

    def _put(self, entry: tarfile.TarInfo, content: IO[bytes] | None) -> None:
        parts = self._parts(entry.name)
        if not parts or self._is_left_out(entry):
            return
        _check(entry)
        directory, name = self._join(parts[:-1]), parts[-1]
        try:
            parent = self._tree.open(directory, _DIRECTORY)
        except SyscallError as error:
            if error.errno != errno.ENOENT:
                raise
            parent = self._tree.make_directory(directory)
        try:
            if entry.isdir():
                self._directory(parent, name, entry, self._join(parts))
            elif entry.isreg() and content is not None:
                self._file(parent, name, entry, content)
            elif entry.islnk():
                self._hard_link(parent, name, entry)
            else:
                self._special(parent, name, entry)
        finally:
            os.close(parent)

    def _is_left_out(self, entry: tarfile.TarInfo) -> bool:
        device = entry.ischr() or entry.isblk()
        # A further name of one that was left out is one too.
        out = self._harmless and (device or (entry.islnk() and entry.linkname in self.left_out))
        if out:
            self.left_out.add(entry.name)
        return out

    def _parts(self, name: str) -> list[str]:
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in name:
            raise ContainerError(f"the archive has a path with .. in it: {name!r}")
        if self._names and parts:
            first = self._names.get(parts[0])
            if first is None:
                raise ContainerError(f"the archive has {name!r} beside what was to be copied")
            parts = [*first.split("/"), *parts[1:]] if first else parts[1:]
        return parts

    def _join(self, parts: list[str]) -> str:
        return "/".join([self._base.rstrip("/"), *parts]) or "/"

    def _directory(self, parent: int, name: str, entry: tarfile.TarInfo, path: str) -> None:
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
            child = self._tree.open(path, _DIRECTORY)
        except FileExistsError:
            try:
                # Also where a link leads to a directory, which then stays a link.
                child = self._tree.open(path, _DIRECTORY)
            except SyscallError:
                directory_for_file(parent, name)
                child = self._tree.open(path, _DIRECTORY)
        try:
            self._finish(f"/proc/self/fd/{child}", entry)
        finally:
            os.close(child)
        self._times.append((path, entry.mtime))

    def _file(self, parent: int, name: str, entry: tarfile.TarInfo, content: IO[bytes]) -> None:
        made = -1
        try:
            with replacing(parent, name) as beside:
                made = os.open(beside, _NEW, 0o600, dir_fd=parent)
                self._fill(made, content, entry)
        except OSError as error:
            # Something is mounted at that name, or may be written where nothing new may be made.
            if error.errno != (errno.EROFS if made < 0 else errno.EBUSY):
                raise
            there = _there(parent, name, error)
            try:
                if made >= 0:
                    os.lseek(made, 0, os.SEEK_SET)
                    content = os.fdopen(made, "rb", closefd=False)
                self._fill(there, content, entry)
            finally:
                os.close(there)
        finally:
            if made >= 0:
                os.close(made)

    def _fill(self, descriptor: int, content: IO[bytes], entry: tarfile.TarInfo) -> None:
        while data := content.read(1 << 20):
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        self._finish(descriptor, entry)
        os.utime(descriptor, (entry.mtime, entry.mtime))

    def _hard_link(self, parent: int, name: str, entry: tarfile.TarInfo) -> None:
        target = self._parts(entry.linkname)
        if not target:
            raise ContainerError(f"the archive has a hard link to a directory: {entry.name!r}")
        directory = self._tree.open(self._join(target[:-1]), _DIRECTORY)
        try:
            found = os.stat(target[-1], dir_fd=directory, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                raise ContainerError(f"the archive has a hard link to a directory: {entry.name!r}")
            if _is(found, parent, name):
                return
            with replacing(parent, name) as new:
                os.link(
                    target[-1], new, src_dir_fd=directory, dst_dir_fd=parent, follow_symlinks=False
                )
        finally:
            os.close(directory)

    def _special(self, parent: int, name: str, entry: tarfile.TarInfo) -> None:
        with replacing(parent, name) as new:
            self._make_special(parent, new, entry)

    def _make_special(self, parent: int, name: str, entry: tarfile.TarInfo) -> None:
        if entry.issym():
            os.symlink(entry.linkname, name, dir_fd=parent)
            uid, gid = self._owner or (entry.uid, entry.gid)
            _permitted(lambda: os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False))
            return
        if entry.isfifo():
            os.mkfifo(name, 0o600, dir_fd=parent)
        else:
            kind = stat.S_IFCHR if entry.ischr() else stat.S_IFBLK
            os.mknod(name, kind | 0o600, os.makedev(entry.devmajor, entry.devminor), dir_fd=parent)
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=parent)
        try:
            self._finish(f"/proc/self/fd/{descriptor}", entry)
        finally:
            os.close(descriptor)

    def _finish(self, what: int | str, entry: tarfile.TarInfo) -> None:
        uid, gid = self._owner or (entry.uid, entry.gid)
        _permitted(lambda: os.chown(what, uid, gid))
        os.chmod(what, entry.mode & (0o1777 if self._harmless else 0o7777))

    def _set_time(self, path: str, when: float) -> None:
        try:
            child = self._tree.open(path, _DIRECTORY)
        except SyscallError:
            return
        try:
            os.utime(f"/proc/self/fd/{child}", (when, when))
        except OSError:
            return
        finally:
            os.close(child)


def _check(entry: tarfile.TarInfo) -> None:
    """Find what cannot be made before anything is taken away for it.

    Raises:
        ContainerError: there is something.
    """
    link = entry.issym() or entry.islnk()
    if not (link or entry.isreg() or entry.isdir() or entry.isdev()):
        wrong = f"is of a kind that is not known ({entry.type!r})"
    elif not (0 <= entry.uid < _IDS - 1 and 0 <= entry.gid < _IDS - 1):
        wrong = f"belongs to {entry.uid}:{entry.gid}, which no user and group have"
    elif not -_TIMES < entry.mtime < _TIMES:  # nor is it no number
        wrong = f"was changed at a time that there is not ({entry.mtime})"
    elif link and (not entry.linkname or "\0" in entry.linkname):
        wrong = f"is a link to what cannot be a path: {entry.linkname!r}"
    elif (
        not entry.isfifo()
        and entry.isdev()
        and not (0 <= entry.devmajor < _MAJORS and 0 <= entry.devminor < _MINORS)
    ):
        wrong = f"is device {entry.devmajor}:{entry.devminor}, which there is not"
    else:
        return
    raise ContainerError(f"the archive's entry {entry.name!r} {wrong}")


def _there(parent: int, name: str, error: OSError) -> int:
    """The regular file of that name, emptied.

    Raises:
        OSError: ``error``, where there is none.
    """
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        raise error from None  # none may be made in what is read-only
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise error
    os.ftruncate(descriptor, 0)
    return descriptor


def _is(found: os.stat_result, parent: int, name: str) -> bool:
    try:
        return os.path.samestat(found, os.stat(name, dir_fd=parent, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _permitted(change: Callable[[], object]) -> None:
    """Give a file to whom it belongs, where this user may: an ordinary one may not."""
    try:
        change()
    except PermissionError:
        return
    except OSError as error:
        if error.errno != errno.EINVAL:  # an id that this user namespace has not
            raise

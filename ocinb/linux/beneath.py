"""Opening and making files beneath a directory that somebody else may control.

Every path is resolved by the kernel as if the directory were ``/`` (openat2 with
``RESOLVE_IN_ROOT``), so neither ``..`` nor a symbolic link, not even one that is changed at that
moment, leads out. See openat2(2).
"""

from __future__ import annotations

import os
import stat

from ocinb.errors import SyscallError
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel

_RESOLVE = f.RESOLVE_IN_ROOT | f.RESOLVE_NO_MAGICLINKS
_LINKS = 40  # as the kernel: a path that goes over more symbolic links is a loop
_ENOENT, _EEXIST, _EAGAIN, _ELOOP, _ENOTDIR = 2, 17, 11, 40, 20


class Beneath:
    """The tree beneath a directory.

    Args:
        kernel: makes the calls.
        fd: an ``O_PATH`` descriptor of the directory; stays the caller's.
    """

    def __init__(self, kernel: Kernel, fd: int) -> None:
        self.kernel = kernel
        self.fd = fd

    def open(self, path: str, flags: int = f.O_PATH, *, resolve: int = 0) -> int:
        """Open something that exists.

        Raises:
            SyscallError: ENOENT and its like.
        """
        while True:
            try:
                return self.kernel.openat2(
                    self.fd, path.lstrip("/") or ".", flags, resolve=_RESOLVE | resolve
                )
            except SyscallError as error:
                # Something was renamed during a walk over "..": the kernel asks to try again.
                if error.errno != _EAGAIN:
                    raise

    def make_directory(self, path: str, mode: int = 0o755) -> int:
        """An ``O_PATH`` descriptor of a directory, made with its parents where it is missing."""
        return self._walk(path, mode, None)

    def make_file(self, path: str, mode: int = 0o644) -> int:
        """An ``O_PATH`` descriptor of a file of any kind, made empty where it is missing."""
        return self._walk(path, 0o755, mode)

    def parent(self, path: str) -> tuple[int, str]:
        """A descriptor of the directory that holds ``path`` (made if missing), and the name."""
        head, _, name = path.rstrip("/").rpartition("/")
        return self.make_directory(head), name

    def _walk(self, path: str, directory_mode: int, file_mode: int | None) -> int:
        """Open a path; where it is not there, go component by component and make what is missing.

        A dangling symbolic link is followed by hand: what it points to is made, as the targets
        of such links (``/etc/resolv.conf`` → ``../run/…``) are usually meant to be.
        """
        done: list[str] = []
        todo = [part for part in path.split("/") if part not in ("", ".")]
        try:
            return self._kind_checked(self.open("/".join(todo)), path, file_mode)
        except SyscallError as error:
            if error.errno != _ENOENT:
                raise
        links = 0
        while todo:
            name, last = todo[0], len(todo) == 1
            want_file = last and file_mode is not None
            try:
                os.close(self.open("/".join([*done, name])))
            except SyscallError as error:
                if error.errno != _ENOENT:
                    raise
                target = self._make(done, name, file_mode if want_file else None, directory_mode)
                if target is not None:
                    links += 1
                    if links > _LINKS:
                        raise SyscallError("openat2", (path,), _ELOOP) from None
                    parts = [part for part in target.split("/") if part not in ("", ".")]
                    done, todo = ([] if target.startswith("/") else done), parts + todo[1:]
                    continue
            done, todo = [*done, name], todo[1:]
        return self._kind_checked(self.open("/".join(done)), path, file_mode)

    def _kind_checked(self, fd: int, path: str, file_mode: int | None) -> int:
        if file_mode is None and not stat.S_ISDIR(os.fstat(fd).st_mode):
            os.close(fd)
            raise SyscallError("openat2", (path,), _ENOTDIR)
        return fd

    def _make(
        self, done: list[str], name: str, file_mode: int | None, directory_mode: int
    ) -> str | None:
        """Make one component; the target instead where it is a dangling symbolic link."""
        parent = self.open("/".join(done), f.O_PATH | os.O_DIRECTORY)
        try:
            if file_mode is None:
                self.kernel.mkdir(name, directory_mode, dirfd=parent)
            else:
                flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(self.kernel.open(name, flags, file_mode, dirfd=parent))
        except SyscallError as error:
            if error.errno != _EEXIST:
                raise
            try:
                return os.readlink(name, dir_fd=parent)
            except OSError:
                return None  # somebody else made it at the same moment
        finally:
            os.close(parent)
        return None

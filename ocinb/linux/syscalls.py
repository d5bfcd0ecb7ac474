"""System calls: one method each, every one observable, every failure a ``SyscallError``."""

from __future__ import annotations

import os
import sys
import time

from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux import signals
from ocinb.linux.calls import show, text
from ocinb.linux.flags import Named
from ocinb.linux.identity_calls import IdentityCalls, capability_header, capability_sets
from ocinb.linux.mount_calls import MountCalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Mapping
    from typing import Any, NoReturn

    from ocinb.linux.calls import StrPath


class Kernel(MountCalls, IdentityCalls):
    """The door to the kernel.

    Every method raises ``SyscallError`` when the kernel refuses. Paths are str or bytes.
    """

    # files

    def openat2(
        self, dirfd: int, path: StrPath, flags: int, mode: int = 0, resolve: int = 0
    ) -> int:
        """openat2(2): open with restrictions on how the path may be resolved."""
        how = b"".join(
            value.to_bytes(8, sys.byteorder) for value in (flags | os.O_CLOEXEC, mode, resolve)
        )
        shown = (dirfd, path, hex(flags), oct(mode), Named("RESOLVE_", resolve))
        return self._call("openat2", shown, dirfd, text(path), how, len(how))

    def open(self, path: StrPath, flags: int, mode: int = 0o666, dirfd: int | None = None) -> int:
        """openat(2)."""
        fd: int = self._os("openat", (path, hex(flags)), os.open, path, flags, mode, dir_fd=dirfd)
        return fd

    def mkdir(self, path: StrPath, mode: int = 0o777, dirfd: int | None = None) -> None:
        """mkdirat(2); the umask applies."""
        self._os("mkdirat", (path, oct(mode)), os.mkdir, path, mode, dir_fd=dirfd)

    def mknod(self, path: StrPath, mode: int, device: int = 0, dirfd: int | None = None) -> None:
        """mknodat(2); the umask applies."""
        shown = (path, oct(mode), f"{os.major(device)}:{os.minor(device)}")
        self._os("mknodat", shown, os.mknod, path, mode, device, dir_fd=dirfd)

    def symlink(self, target: StrPath, path: StrPath, dirfd: int | None = None) -> None:
        """symlinkat(2)."""
        self._os("symlinkat", (target, path), os.symlink, target, path, dir_fd=dirfd)

    def unlink(self, path: StrPath, dirfd: int | None = None) -> None:
        """unlinkat(2)."""
        self._os("unlinkat", (path,), os.unlink, path, dir_fd=dirfd)

    def chown(self, path: StrPath | int, uid: int, gid: int, dirfd: int | None = None) -> None:
        """fchownat(2) or fchown(2); a symbolic link itself is changed, not what it points to."""
        if isinstance(path, int):
            self._os("fchown", (path, uid, gid), os.chown, path, uid, gid)
        else:
            self._os(
                "fchownat", (path, uid, gid), os.chown, path, uid, gid,
                dir_fd=dirfd, follow_symlinks=False,
            )  # fmt: skip

    def chmod(self, path: StrPath | int, mode: int, dirfd: int | None = None) -> None:
        """fchmodat(2) or fchmod(2)."""
        if isinstance(path, int):
            self._os("fchmod", (path, oct(mode)), os.chmod, path, mode)
        else:
            self._os("fchmodat", (path, oct(mode)), os.chmod, path, mode, dir_fd=dirfd)

    def chdir(self, path: StrPath | int) -> None:
        """chdir(2) or fchdir(2)."""
        self._os("fchdir" if isinstance(path, int) else "chdir", (path,), os.chdir, path)

    def chroot(self, path: StrPath) -> None:
        """chroot(2)."""
        self._os("chroot", (path,), os.chroot, path)

    def write(self, path: StrPath, data: str) -> None:
        """Write a control file of /proc, /sys or a cgroup in one write(2), so errors show.

        The error's call is ``write`` and its arguments the path and the data.
        """
        self._os("write", (path, data.rstrip("\n")), _write_once, path, data)

    def close_range(self, first: int, last: int = 0xFFFFFFFF, flags: int = 0) -> None:
        """close_range(2)."""
        shown = (first, last, Named("CLOSE_RANGE_", flags))
        self._call("close_range", shown, first, last, flags)

    def ioctl(self, fd: int, request: int, argument: int | bytes | ctypes.Array[Any] = 0) -> int:
        """ioctl(2); a ctypes array is filled in by the kernel."""
        shown_argument = argument if isinstance(argument, int) else "…"
        return self._call("ioctl", (fd, hex(request), shown_argument), fd, request, argument)

    # processes

    def setsid(self) -> None:
        """setsid(2)."""
        self._os("setsid", (), os.setsid)

    def umask(self, mask: int) -> int:
        """umask(2): sets it and returns the one before."""
        before: int = self._os("umask", (oct(mask),), os.umask, mask)
        return before

    def fork(self, namespaces: int = 0) -> int:
        """clone(2) as fork(2) makes it, with new namespaces of these kinds for the child.

        For a process with one thread: Python is not told of the child. Other than with
        unshare(2), also a pid namespace is the child's at once.

        Returns:
            the child's pid; 0 in the child.
        """
        if not namespaces:
            return os.fork()
        from ocinb.linux import raw_calls as raw

        call = raw.prepared("clone", namespaces | signals.SIGCHLD, 0, 0, 0, 0)
        started = time.perf_counter()
        pid = raw.perform(call)
        if pid:
            errno = raw.errno() if pid == -1 else 0
            self._tell("clone", (Named("CLONE_", namespaces),), pid, errno, started)
        return pid

    def kill(self, pid: int, signal: int) -> None:
        """kill(2)."""
        self._os("kill", (pid, signal), os.kill, pid, signal)

    def pidfd_open(self, pid: int) -> int:
        """pidfd_open(2): a descriptor of a process, readable once it has ended."""
        fd: int = self._os("pidfd_open", (pid,), os.pidfd_open, pid)
        return fd

    def pidfd_send_signal(self, fd: int, signal: int) -> None:
        """pidfd_send_signal(2)."""
        self._os("pidfd_send_signal", (fd, signal), signals.send, fd, signal)

    def execve(
        self, path: StrPath, arguments: list[bytes], environment: Mapping[bytes, bytes]
    ) -> NoReturn:
        """execve(2); it is observed before it is made, for there is no afterwards."""
        if self.observe:
            self.observe("execve", (show(path), " ".join(map(show, arguments))), 0, 0, 0.0)
        try:
            os.execve(path, arguments, environment)
        except OSError as error:
            raise SyscallError("execve", (path,), error.errno or 0) from None

    def execve_filtered(
        self,
        path: StrPath,
        arguments: list[bytes],
        environment: Mapping[bytes, bytes],
        *,
        program: bytes,
        flags: int,
        capabilities: tuple[int, int, int] | None = None,
        notify: Callable[[int], None] | None = None,
    ) -> NoReturn:
        """seccomp(2) and execve(2), with nothing between them that a filter might refuse.

        All three calls are observed before they are made, and every argument is ready in memory:
        a filter made for some program may not even let this process allocate any.

        Args:
            path: of the program.
            arguments: of the program.
            environment: of the program.
            program: the filter, an array of struct sock_filter.
            flags: of seccomp(2).
            capabilities: effective, permitted and inheritable set to have from then on; None to
                keep them. Without no_new_privs a filter is loaded only by CAP_SYS_ADMIN.
            notify: gets the listener of a filter that notifies; what it does is filtered.
        """
        from ocinb.linux import raw_calls as raw

        loaded = raw.filter_program(program)
        load = raw.prepared("seccomp", f.SECCOMP_SET_MODE_FILTER, flags, loaded)
        variables = [name + b"=" + environment[name] for name in environment]
        vectors = (raw.strings(arguments), raw.strings(variables))
        execute = raw.prepared("execve", text(path), *vectors)
        drop = None
        if capabilities is not None:
            drop = raw.prepared("capset", capability_header(), capability_sets(*capabilities))
        if self.observe:
            shown = (f"{len(program) // 8} instructions", str(Named("SECCOMP_FILTER_FLAG_", flags)))
            self.observe("seccomp", shown, 0, 0, 0.0)
            self.observe("execve", (show(path), " ".join(map(show, arguments))), 0, 0, 0.0)
        listener = raw.perform(load)
        if listener < 0:
            raise SyscallError("seccomp", (Named("SECCOMP_FILTER_FLAG_", flags),), raw.errno())
        if notify:
            notify(listener)
        if drop and raw.perform(drop) < 0:
            raise SyscallError("capset", (), raw.errno())
        raw.perform(execute)
        raise SyscallError("execve", (path,), raw.errno())


def _write_once(path: StrPath, data: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, os.fsencode(data))
    finally:
        os.close(fd)

"""System calls: one method each, every one observable, every failure a ``SyscallError``.

The C library has no wrapper for many of the calls a container needs (openat2, pivot_root,
open_tree, mount_setattr …), so all go through ``syscall(2)`` by number. Calls that Python's
``os`` already makes faithfully are routed through ``os``, so that they too can be observed.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time

from ocinb.errors import SyscallError, UnsupportedHost
from ocinb.linux import flags as f
from ocinb.linux.flags import Named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any, NoReturn

    Observe = Callable[[str, tuple[str, ...], int, int, float], None]
    StrPath = str | bytes

_X86_64 = {
    "ioctl": 16, "execve": 59, "setpgid": 109, "setgroups": 116, "setresuid": 117, "setresgid": 119,
    "capget": 125, "capset": 126, "personality": 135, "pivot_root": 155, "prctl": 157,
    "mount": 165, "umount2": 166, "sethostname": 170, "setdomainname": 171, "set_mempolicy": 238,
    "keyctl": 250,
    "ioprio_set": 251, "unshare": 272, "prlimit64": 302, "setns": 308, "sched_setattr": 314,
    "renameat2": 316, "seccomp": 317, "bpf": 321, "pidfd_send_signal": 424, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "pidfd_open": 434,
    "close_range": 436, "openat2": 437, "mount_setattr": 442,
}  # fmt: skip
_AARCH64 = {
    "ioctl": 29, "execve": 221, "setpgid": 154, "setgroups": 159, "setresuid": 147,
    "setresgid": 149, "capget": 90, "capset": 91, "personality": 92, "pivot_root": 41, "prctl": 167,
    "mount": 40, "umount2": 39, "sethostname": 161, "setdomainname": 162, "set_mempolicy": 237,
    "keyctl": 219,
    "ioprio_set": 30, "unshare": 97, "prlimit64": 261, "setns": 268, "sched_setattr": 274,
    "renameat2": 276, "seccomp": 277, "bpf": 280, "pidfd_send_signal": 424, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "pidfd_open": 434,
    "close_range": 436, "openat2": 437, "mount_setattr": 442,
}  # fmt: skip
NUMBERS = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""uname's machine → system call → its number."""

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


class Kernel:
    """The door to the kernel.

    Args:
        observe: called after every call with its name, its arguments in readable form, the
            result, the errno (0 for success) and the seconds it took.

    Every method raises ``SyscallError`` when the kernel refuses. Paths are str or bytes.
    """

    def __init__(self, observe: Observe | None = None) -> None:
        self.observe = observe
        machine = os.uname().machine
        try:
            self._numbers = NUMBERS[machine]
        except KeyError:
            raise UnsupportedHost(
                f"the system call numbers of {machine} are not known",
                hint=f"known are {', '.join(NUMBERS)}",
            ) from None

    # mounts

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
        self._call("mount", shown, _text(source), _text(target), _text(fstype), flags, _text(data))

    def umount(self, target: StrPath, flags: int = 0) -> None:
        """umount2(2)."""
        shown = (target, Named("MNT_", flags & ~f.UMOUNT_NOFOLLOW))
        self._call("umount2", shown, _text(target), flags)

    def pivot_root(self, new: StrPath, old: StrPath) -> None:
        """pivot_root(2)."""
        self._call("pivot_root", (new, old), _text(new), _text(old))

    def open_tree(self, dirfd: int, path: StrPath, flags: int) -> int:
        """open_tree(2): a descriptor of a mount, or of a detached copy of it."""
        shown = (dirfd, path, hex(flags))
        return self._call("open_tree", shown, dirfd, _text(path), flags | f.OPEN_TREE_CLOEXEC)

    def move_mount(
        self, from_fd: int, from_path: StrPath, to_fd: int, to_path: StrPath, flags: int
    ) -> None:
        """move_mount(2): attach a detached mount."""
        shown = (from_fd, from_path, to_fd, to_path, Named("MOVE_MOUNT_", flags))
        raw = (from_fd, _text(from_path), to_fd, _text(to_path), flags)
        self._call("move_mount", shown, *raw)

    def fsopen(self, fstype: str) -> int:
        """fsopen(2): a descriptor with which a filesystem is configured."""
        return self._call("fsopen", (fstype,), _text(fstype), f.FSOPEN_CLOEXEC)

    def fsconfig(
        self, fd: int, command: int, key: str | None = None, value: str | None = None, aux: int = 0
    ) -> None:
        """fsconfig(2)."""
        shown = (fd, command, key or "", value or "", aux)
        self._call("fsconfig", shown, fd, command, _text(key), _text(value), aux)

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
        raw = (dirfd, _text(path), flags, attributes, len(attributes))
        self._call("mount_setattr", shown, *raw)

    # files

    def openat2(
        self, dirfd: int, path: StrPath, flags: int, mode: int = 0, resolve: int = 0
    ) -> int:
        """openat2(2): open with restrictions on how the path may be resolved."""
        how = b"".join(
            value.to_bytes(8, sys.byteorder) for value in (flags | os.O_CLOEXEC, mode, resolve)
        )
        shown = (dirfd, path, hex(flags), oct(mode), Named("RESOLVE_", resolve))
        return self._call("openat2", shown, dirfd, _text(path), how, len(how))

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

    def renameat2(
        self, old_fd: int, old: StrPath, new_fd: int, new: StrPath, flags: int = 0
    ) -> None:
        """renameat2(2)."""
        shown = (old_fd, old, new_fd, new, flags)
        self._call("renameat2", shown, old_fd, _text(old), new_fd, _text(new), flags)

    def close_range(self, first: int, last: int = 0xFFFFFFFF, flags: int = 0) -> None:
        """close_range(2)."""
        shown = (first, last, Named("CLOSE_RANGE_", flags))
        self._call("close_range", shown, first, last, flags)

    def ioctl(self, fd: int, request: int, argument: int | bytes | ctypes.Array[Any] = 0) -> int:
        """ioctl(2); a ctypes array is filled in by the kernel."""
        shown_argument = argument if isinstance(argument, int) else "…"
        return self._call("ioctl", (fd, hex(request), shown_argument), fd, request, argument)

    # namespaces and identity

    def unshare(self, flags: int) -> None:
        """unshare(2); a new user namespace is refused in a process with several threads."""
        self._call("unshare", (Named("CLONE_", flags),), flags)

    def setns(self, fd: int, flags: int = 0) -> None:
        """setns(2): join the namespace that the descriptor names."""
        self._call("setns", (fd, Named("CLONE_", flags)), fd, flags)

    def sethostname(self, name: str) -> None:
        """sethostname(2)."""
        data = os.fsencode(name)
        self._call("sethostname", (name,), data, len(data))

    def setdomainname(self, name: str) -> None:
        """setdomainname(2)."""
        data = os.fsencode(name)
        self._call("setdomainname", (name,), data, len(data))

    def setgroups(self, groups: Sequence[int]) -> None:
        """setgroups(2), of the calling thread."""
        packed = b"".join(group.to_bytes(4, sys.byteorder) for group in groups)
        self._call("setgroups", (list(groups),), len(groups), packed or None)

    def setresuid(self, real: int, effective: int, saved: int) -> None:
        """setresuid(2), of the calling thread."""
        self._call("setresuid", (real, effective, saved), real, effective, saved)

    def setresgid(self, real: int, effective: int, saved: int) -> None:
        """setresgid(2), of the calling thread."""
        self._call("setresgid", (real, effective, saved), real, effective, saved)

    def capget(self) -> tuple[int, int, int]:
        """capget(2): the effective, permitted and inheritable sets as bit masks."""
        header = _capability_header()
        data = ctypes.create_string_buffer(24)
        self._call("capget", (), header, data)
        words = [int.from_bytes(data.raw[n : n + 4], sys.byteorder) for n in range(0, 24, 4)]
        effective, permitted, inheritable = (words[n] | words[n + 3] << 32 for n in range(3))
        return effective, permitted, inheritable

    def capset(self, effective: int, permitted: int, inheritable: int) -> None:
        """capset(2), sets as bit masks."""
        sets = (effective, permitted, inheritable)
        self._call("capset", tuple(map(hex, sets)), _capability_header(), _capability_sets(*sets))

    def prctl(self, option: int, arg2: int = 0, arg3: int = 0, arg4: int = 0, arg5: int = 0) -> int:
        """prctl(2)."""
        shown = (_prctl_name(option), arg2, arg3)
        return self._call("prctl", shown, option, arg2, arg3, arg4, arg5)

    def prlimit(self, pid: int, resource: int, soft: int, hard: int, *, name: str = "") -> None:
        """prlimit64(2); pid 0 is the calling process, ``RLIM_INFINITY`` is unlimited."""
        limits = soft.to_bytes(8, sys.byteorder) + hard.to_bytes(8, sys.byteorder)
        shown = (pid, name or resource, soft, hard)
        self._call("prlimit64", shown, pid, resource, limits, None)

    def personality(self, persona: int) -> None:
        """personality(2)."""
        self._call("personality", (hex(persona),), persona)

    def ioprio_set(self, which: int, who: int, priority: int) -> None:
        """ioprio_set(2)."""
        self._call("ioprio_set", (which, who, priority), which, who, priority)

    def sched_setaffinity(self, pid: int, processors: Iterable[int]) -> None:
        """sched_setaffinity(2)."""
        self._os("sched_setaffinity", (pid, processors), os.sched_setaffinity, pid, processors)

    def sched_setattr(self, attributes: bytes, *, shown: str = "") -> None:
        """sched_setattr(2) on the calling thread; ``attributes`` is struct sched_attr."""
        self._call("sched_setattr", (0, shown), 0, attributes, 0)

    def set_mempolicy(self, mode: int, nodes: Iterable[int]) -> None:
        """set_mempolicy(2), of the calling thread."""
        mask = sum(1 << node for node in nodes)
        size = 8 * (mask.bit_length() // 64 + 1)
        packed = mask.to_bytes(size, sys.byteorder) if mask else None
        # The kernel looks at one bit less than it is told of.
        bits = size * 8 + 1 if mask else 0
        self._call("set_mempolicy", (hex(mode), hex(mask)), mode, packed, bits)

    def join_session_keyring(self, name: str) -> None:
        """keyctl(2): a new session keyring of this name."""
        shown = ("KEYCTL_JOIN_SESSION_KEYRING", name)
        self._call("keyctl", shown, f.KEYCTL_JOIN_SESSION_KEYRING, _text(name), 0, 0, 0)

    def bpf(self, command: int, attributes: bytes, *, shown: str = "") -> int:
        """bpf(2); ``attributes`` is union bpf_attr."""
        return self._call("bpf", (command, shown), command, attributes, len(attributes))

    # processes

    def setsid(self) -> None:
        """setsid(2)."""
        self._os("setsid", (), os.setsid)

    def umask(self, mask: int) -> int:
        """umask(2): sets it and returns the one before."""
        before: int = self._os("umask", (oct(mask),), os.umask, mask)
        return before

    def kill(self, pid: int, signal: int) -> None:
        """kill(2)."""
        self._os("kill", (pid, signal), os.kill, pid, signal)

    def pidfd_open(self, pid: int) -> int:
        """pidfd_open(2): a descriptor of a process, readable once it has ended."""
        return self._call("pidfd_open", (pid,), pid, 0)

    def pidfd_send_signal(self, fd: int, signal: int) -> None:
        """pidfd_send_signal(2)."""
        self._call("pidfd_send_signal", (fd, signal), fd, signal, None, 0)

    def execve(
        self, path: StrPath, arguments: list[bytes], environment: Mapping[bytes, bytes]
    ) -> NoReturn:
        """execve(2); it is observed before it is made, for there is no afterwards."""
        if self.observe:
            self.observe("execve", (_show(path), " ".join(map(_show, arguments))), 0, 0, 0.0)
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
        instructions = ctypes.create_string_buffer(program, len(program))
        filter_ = _Filter(len(program) // 8, ctypes.addressof(instructions))
        load = self._prepared("seccomp", f.SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(filter_))
        vectors = [
            (ctypes.c_char_p * (len(words) + 1))(*words)
            for words in (arguments, [name + b"=" + environment[name] for name in environment])
        ]
        execute = self._prepared("execve", _text(path), *vectors)
        drop = None
        if capabilities is not None:
            drop = self._prepared("capset", _capability_header(), _capability_sets(*capabilities))
        if self.observe:
            shown = (f"{len(program) // 8} instructions", str(Named("SECCOMP_FILTER_FLAG_", flags)))
            self.observe("seccomp", shown, 0, 0, 0.0)
            self.observe("execve", (_show(path), " ".join(map(_show, arguments))), 0, 0, 0.0)
        listener = _syscall(*load)
        if listener < 0:
            raise SyscallError("seccomp", (Named("SECCOMP_FILTER_FLAG_", flags),), _errno())
        if notify:
            notify(listener)
        if drop and _syscall(*drop) < 0:
            raise SyscallError("capset", (), _errno())
        _syscall(*execute)
        raise SyscallError("execve", (path,), _errno())

    def _prepared(self, call: str, *arguments: object) -> list[object]:
        raw = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
        return [ctypes.c_long(self._numbers[call]), *raw]

    # how a call is made

    def _call(
        self,
        call: str,
        shown: tuple[object, ...],
        *arguments: int | bytes | ctypes.Array[Any] | object,
    ) -> int:
        raw = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
        started = time.perf_counter()
        result: int = _syscall(ctypes.c_long(self._numbers[call]), *raw)
        errno = ctypes.get_errno() if result == -1 else 0
        self._tell(call, shown, result, errno, started)
        return result

    def _os(
        self,
        call: str,
        shown: tuple[object, ...],
        function: Callable[..., Any],
        *arguments: object,
        **options: object,
    ) -> Any:
        started = time.perf_counter()
        result, errno = None, 0
        try:
            result = function(*arguments, **options)
        except OSError as error:
            errno = error.errno or 0
        self._tell(call, shown, result if isinstance(result, int) else 0, errno, started)
        return result

    def _tell(
        self, call: str, shown: tuple[object, ...], result: int, errno: int, started: float
    ) -> None:
        if self.observe:
            seconds = time.perf_counter() - started
            self.observe(call, tuple(map(_show, shown)), result, errno, seconds)
        if errno:
            raise SyscallError(call, tuple(map(_show, shown)), errno)


def _text(value: StrPath | None) -> bytes | None:
    """A string for the kernel. A NUL in it would silently cut it short, so it is refused."""
    if value is None:
        return None
    data = os.fsencode(value)
    if b"\0" in data:
        raise SyscallError("path", (_show(value),), 22)
    return data


def _show(value: object) -> str:
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)


def _write_once(path: StrPath, data: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, os.fsencode(data))
    finally:
        os.close(fd)


def _capability_header() -> bytes:
    pid_of_caller = 0
    return f.CAPABILITY_VERSION_3.to_bytes(4, sys.byteorder) + pid_of_caller.to_bytes(4, "little")


def _capability_sets(*sets: int) -> bytes:
    return b"".join(
        (mask >> shift & 0xFFFFFFFF).to_bytes(4, sys.byteorder)
        for shift in (0, 32)
        for mask in sets
    )


def _errno() -> int:
    return ctypes.get_errno()


class _Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


_PRCTL_NAMES = {
    value: name
    for name, value in vars(f).items()
    if name.startswith("PR_") and not name.startswith("PR_CAP_AMBIENT_")
}


def _prctl_name(option: int) -> str:
    return _PRCTL_NAMES.get(option) or str(option)

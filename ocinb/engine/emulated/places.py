"""What lies where in a container that has no mounts: config.json's mounts as pairs of paths.

A mount becomes a binding, a pair of a path of this machine and a path in the container; a tmpfs
becomes a private directory that goes with the container.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat

from ocinb.errors import InvalidConfig, StepFailed, StorageError, SyscallError
from ocinb.frozen import Frozen
from ocinb.linux import flags as f
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PRIVATE = "places"
"""The directory of tmpfs and /dev, in the directory that the runtime has for the container."""

_SHARED = {"proc": "/proc", "sysfs": "/sys", "mqueue": "/dev/mqueue", "cgroup": "/sys/fs/cgroup"}
"""Filesystems that only namespaces could make anew: the machine's own is shown."""
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm")
_LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
"""Spec: runtime-spec runtime-linux.md#dev-symbolic-links"""


class Binding(Frozen):
    """A path of this machine that is seen in the container.

    Attributes:
        source: absolute.
        destination: absolute and normal, as the container has it.
    """

    source: str
    destination: str


def bindings(config: dict[str, Any], bundle: str, private: str) -> list[Binding]:
    """The bindings of a config.json, in the order of its mounts.

    Args:
        config: config.json.
        bundle: where relative sources begin.
        private: a directory for what is made here.

    Raises:
        InvalidConfig: a filesystem that cannot be shown without mounting it.
        StepFailed: the source of a bind mount is missing. StorageError: the disk refused.

    Spec: runtime-spec config.md#mounts
    """
    found: list[Binding] = []
    try:
        for number, mount in enumerate(config.get("mounts") or ()):
            found += _binding(mount, bundle, f"{private}/{number}", number)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise StorageError(f"{private} cannot be made: {reason}") from error
    return found


def _binding(mount: dict[str, Any], bundle: str, private: str, number: int) -> list[Binding]:
    destination = normal(mount["destination"])
    kind, options = mount.get("type") or "", mount.get("options") or ()
    if kind in ("bind", "rbind") or "bind" in options or "rbind" in options:
        source = os.path.normpath(os.path.join(bundle, mount.get("source") or ""))
        if not os.path.exists(source):
            raise StepFailed(f"mounts[{number}]: {source} does not exist")
        return [Binding(source=source, destination=destination)]
    if destination.startswith("/dev/"):
        return []  # of the machine's own, which are bound with /dev
    if kind in _SHARED:
        shown = os.path.exists(_SHARED[kind])
        return [Binding(source=_SHARED[kind], destination=destination)] if shown else []
    if kind == "tmpfs":
        os.makedirs(private)
        os.chmod(private, _mode(options))
        return [Binding(source=private, destination=destination)] + (
            _devices(private) if destination == "/dev" else []
        )
    raise InvalidConfig(
        f"mounts[{number}] in config.json is a {kind or 'mount without a type'}, and nothing can be"
        " mounted here",
        findings=[(f"mounts[{number}].type", "takes a mount namespace")],
        hint="ocinb doctor says what would allow it",
    )


def _mode(options: list[str] | tuple[str, ...]) -> int:
    """Of a tmpfs; the owner, who is us, keeps all rights."""
    for option in options:
        if option.startswith("mode="):
            with contextlib.suppress(ValueError):
                return int(option[5:], 8) & 0o1777 | 0o700
    return 0o1777


def _devices(directory: str) -> list[Binding]:
    """Device nodes cannot be made without privileges: those of this machine are bound."""
    found = []
    for name, rest in _LINKS.items():
        os.symlink(f"/proc/self/fd{rest}", f"{directory}/{name}")
    for name in _DEVICES:
        source = f"/dev/{name}"
        if not os.path.exists(source):
            continue
        if os.path.isdir(source):
            os.mkdir(f"{directory}/{name}")
        else:
            os.close(os.open(f"{directory}/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        found.append(Binding(source=source, destination=f"/dev/{name}"))
    return found


def normal(path: str) -> str:
    """An absolute path without ``.``, ``..`` and double slashes."""
    return posixpath.normpath("/" + path.lstrip("/"))


class Places:
    """The files of a container: its root filesystem, and over it what is bound.

    Args:
        rootfs: its directory.
        bound: see ``bindings``.
    """

    def __init__(self, rootfs: str, bound: list[Binding]) -> None:
        self.rootfs = rootfs
        self.bound = bound
        self._kernel = Kernel()

    def open(self, path: str, flags: int = f.O_PATH) -> int:
        """Open a file by its path in the container; no link leads out of where it lies.

        Raises:
            SyscallError: ENOENT and its like.
        """
        source, rest = self._source(path)
        if not rest:
            return self._kernel.open(source, flags | os.O_CLOEXEC)
        root = os.open(source, f.O_PATH | os.O_CLOEXEC)
        try:
            return Beneath(self._kernel, root).open(rest, flags)
        finally:
            os.close(root)

    def host_path(self, path: str) -> str:
        """Where a file of the container lies on this machine, links resolved.

        Raises:
            SyscallError: it is not there.
        """
        descriptor = self.open(path)
        try:
            return os.readlink(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)

    def make_mount_points(self) -> None:
        """Make what is bound over, where the image lacks it.

        Raises:
            StepFailed: it cannot be made.
        """
        root = os.open(self.rootfs, f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            beneath = Beneath(self._kernel, root)
            for binding in self.bound:
                if any(binding.destination.startswith(f"{b.destination}/") for b in self.bound):
                    continue  # beneath another one, which has it
                directory = stat.S_ISDIR(os.stat(binding.source).st_mode)
                make = beneath.make_directory if directory else beneath.make_file
                os.close(make(binding.destination))
        except (SyscallError, OSError) as error:
            reason = os.strerror(error.errno or 0).lower()
            raise StepFailed(
                f"{binding.destination} cannot be made in the image: {reason}"
            ) from None
        finally:
            os.close(root)

    def _source(self, path: str) -> tuple[str, str]:
        """The directory or file of this machine that decides about a path, and the rest of it."""
        path = normal(path)
        for binding in sorted(self.bound, key=lambda b: len(b.destination), reverse=True):
            if path == binding.destination:
                return binding.source, ""
            if path.startswith(f"{binding.destination}/"):
                return binding.source, path[len(binding.destination) :]
        return self.rootfs, path

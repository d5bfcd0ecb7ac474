"""Device nodes and the links of /dev.

A node is made with mknod where the kernel lets us, and bound from the host where it does not,
as in a user namespace.
"""

from __future__ import annotations

import os
import stat

from ocinb.errors import StepFailed, SyscallError
from ocinb.frozen import Frozen
from ocinb.linux import flags as f
from ocinb.runtime.environment import close_all
from ocinb.runtime.mount_options import BINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_EXISTS, _NO_ENTRY = 17, 2
_REFUSED = (1, 13, 30)  # EPERM, EACCES, EROFS


class Device(Frozen):
    """A device node as it shall be.

    Attributes:
        path: inside the container.
        kind: ``c``, ``b`` or ``p``.
        mode: permissions; -1 for the default.
    """

    path: str
    kind: str
    major: int
    minor: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0


DEFAULTS = (
    Device(path="/dev/null", kind="c", major=1, minor=3),
    Device(path="/dev/zero", kind="c", major=1, minor=5),
    Device(path="/dev/full", kind="c", major=1, minor=7),
    Device(path="/dev/random", kind="c", major=1, minor=8),
    Device(path="/dev/urandom", kind="c", major=1, minor=9),
    Device(path="/dev/tty", kind="c", major=5, minor=0),
)
"""Spec: runtime-spec config-linux.md#default-devices"""

LINKS = (
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
)
"""Spec: runtime-spec runtime-linux.md#dev-symbolic-links"""

_TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}


def make_default(env: Environment) -> None:
    """The devices that every container has.

    Spec: runtime-spec config-linux.md#default-devices
    """
    if _host_dev(env):
        return
    listed = {device["path"] for device in env.linux.get("devices") or []}
    before = env.kernel.umask(0)
    for device in DEFAULTS:
        if device.path not in listed:
            env.applying(f"default device {device.path}")
            _make(env, device)
    env.kernel.umask(before)


def make_listed(env: Environment) -> None:
    """The devices that config.json lists, wherever they shall be.

    Spec: runtime-spec config-linux.md#devices
    """
    listed = env.linux.get("devices") or []
    if not listed or _host_dev(env):
        return
    before = env.kernel.umask(0)
    for number, entry in enumerate(listed):
        env.applying(f"linux.devices[{number}] ({entry['path']})")
        device = Device(
            path=entry["path"],
            kind=entry["type"],
            major=entry.get("major") or 0,
            minor=entry.get("minor") or 0,
            mode=0o666 if entry.get("fileMode") is None else entry["fileMode"] & 0o7777,
            uid=entry.get("uid") or 0,
            gid=entry.get("gid") or 0,
        )
        _make(env, device)
    env.kernel.umask(before)


def link(env: Environment) -> None:
    """/dev/fd, /dev/stdin, /dev/stdout and /dev/stderr, if there is a /proc to point to.

    Spec: runtime-spec runtime-linux.md#dev-symbolic-links
    """
    try:
        close_all(env.root.open("/proc/self"))
    except SyscallError:
        return
    for target, path in LINKS:
        _link(env, target, path)


def link_ptmx(env: Environment) -> None:
    """/dev/ptmx is that of the container's own /dev/pts.

    Spec: runtime-spec config-linux.md#default-devices (/dev/ptmx)
    """
    if _host_dev(env):
        return
    directory, name = env.root.parent("/dev/ptmx")
    try:
        env.kernel.unlink(name, dirfd=directory)
    except SyscallError as error:
        if error.errno != _NO_ENTRY:
            raise
    os.close(directory)
    _link(env, "pts/ptmx", "/dev/ptmx")


def _host_dev(env: Environment) -> bool:
    """Whether /dev is the host's own, bound: then nothing may be made in it."""
    for mount in env.config.get("mounts") or []:
        if "/" + mount["destination"].strip("/") == "/dev":
            return any(word in BINDS for word in mount.get("options") or [])
    return False


def _link(env: Environment, target: str, path: str) -> None:
    directory, name = env.root.parent(path)
    try:
        env.kernel.symlink(target, name, dirfd=directory)
    except SyscallError as error:
        if error.errno != _EXISTS:
            raise
    finally:
        os.close(directory)


def _make(env: Environment, device: Device) -> None:
    directory, name = env.root.parent(device.path)
    number = os.makedev(device.major, device.minor)
    try:
        env.kernel.mknod(name, _TYPES[device.kind] | device.mode, number, dirfd=directory)
        env.kernel.chown(name, device.uid, device.gid, dirfd=directory)
    except SyscallError as error:
        if error.errno == _EXISTS:
            _check_existing(device, number, directory, name)
        elif error.errno in _REFUSED and device.kind != "p":
            _bind_from_host(env, device)
        else:
            raise
    finally:
        os.close(directory)


def _check_existing(device: Device, number: int, directory: int, name: str) -> None:
    """What is there already must be that device.

    Spec: runtime-spec config-linux.md#devices (path)
    """
    info = os.stat(name, dir_fd=directory, follow_symlinks=False)
    right_type = stat.S_IFMT(info.st_mode) == _TYPES[device.kind]
    if not right_type or (device.kind != "p" and info.st_rdev != number):
        raise StepFailed(
            f"{device.path} exists in the root filesystem and is not the device "
            f"{device.kind} {device.major}:{device.minor}",
            citation="runtime-spec config-linux.md#devices",
        )


def _bind_from_host(env: Environment, device: Device) -> None:
    """Bind the host's node of that name; its owner and mode are the host's."""
    try:
        tree = env.kernel.open_tree(f.AT_FDCWD, device.path, f.OPEN_TREE_CLONE)
    except SyscallError as error:
        raise _other_on_host(device) from error
    info = os.fstat(tree)
    number = os.makedev(device.major, device.minor)
    if stat.S_IFMT(info.st_mode) != _TYPES[device.kind] or info.st_rdev != number:
        raise _other_on_host(device)
    # A device is neither executed nor set-user-id.
    strict = f.MOUNT_ATTR_NOSUID | f.MOUNT_ATTR_NOEXEC
    env.kernel.mount_setattr(tree, "", f.AT_EMPTY_PATH, set_=strict)
    point = env.root.make_file(device.path)
    both = f.MOVE_MOUNT_F_EMPTY_PATH | f.MOVE_MOUNT_T_EMPTY_PATH
    env.kernel.move_mount(tree, "", point, "", both)
    close_all(tree, point)


def _other_on_host(device: Device) -> StepFailed:
    return StepFailed(
        f"{device.path} cannot be made in a user namespace, and on the host it is not "
        f"{device.kind} {device.major}:{device.minor}"
    )

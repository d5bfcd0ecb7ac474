"""The root filesystem: bound, then made the process's root."""

from __future__ import annotations

import os

from ocinb.errors import SyscallError
from ocinb.linux import flags as f
from ocinb.linux.beneath import Beneath
from ocinb.linux.mounts import mounts
from ocinb.runtime.environment import close_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.runtime.environment import Environment

_LOCKED = 22
_PROPAGATION = {
    "shared": f.MS_SHARED,
    "slave": f.MS_SLAVE,
    "private": f.MS_PRIVATE,
    "unbindable": f.MS_UNBINDABLE,
}


def isolate_mounts(env: Environment) -> None:
    """Keep every mount from now on to ourselves, whatever the host shares.

    Spec: runtime-spec config-linux.md#rootfs-mount-propagation
    """
    if not env.own_mounts:
        return  # they are the host's
    wanted = (env.linux.get("rootfsPropagation") or "").removeprefix("r")
    cut_off = wanted in ("private", "unbindable")
    env.kernel.mount(None, "/", None, (f.MS_PRIVATE if cut_off else f.MS_SLAVE) | f.MS_REC)


def bind_root(env: Environment) -> None:
    """Make the root filesystem a mount, which pivot_root needs, and open it.

    Spec: runtime-spec config.md#root
    """
    env.host_proc = env.kernel.open("/proc", f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    if env.own_mounts:
        # Without a mount namespace the runtime has done it, who must also undo it.
        env.kernel.mount(env.rootfs, env.rootfs, None, f.MS_BIND | f.MS_REC)
    root = env.kernel.open(env.rootfs, f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    env.root = Beneath(env.kernel, root)


def make_cwd(env: Environment) -> None:
    """The working directory, where it is missing.

    Spec: none (runc convention)
    """
    if env.process:
        close_all(env.root.make_directory(env.process["cwd"]))


def make_readonly(env: Environment) -> None:
    """Make the root filesystem read-only; mounts below it keep their own options.

    Spec: runtime-spec config.md#root (readonly)
    """
    if env.config["root"].get("readonly"):
        env.kernel.mount_setattr(env.root.fd, "", f.AT_EMPTY_PATH, set_=f.MOUNT_ATTR_RDONLY)


def change_root(env: Environment) -> None:
    """Make the root filesystem ``/``, and take the host's away.

    ``pivot_root(".", ".")`` puts the old root over the new one, from where it is detached: no
    directory for it is needed. See pivot_root(2). A descriptor of the old root is kept because
    ``.`` means the new one to mount(2), and the old one to umount(2).

    Spec: runtime-spec config.md#createcontainer-hooks (before which it must not happen)
    """
    kernel = env.kernel
    kernel.chdir(env.root.fd)
    if not env.own_mounts:
        # The host's root must stay where it is; a privileged program can leave this one.
        kernel.chroot(".")
    elif env.pivot:
        old = kernel.open("/", f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        kernel.pivot_root(".", ".")
        kernel.chdir(old)
        os.close(old)
        # Detaching must not travel to mounts that share with the old root.
        kernel.mount(None, ".", None, f.MS_SLAVE | f.MS_REC)
        kernel.umount(".", f.MNT_DETACH)
    else:
        # On an initial ramdisk, which cannot be pivoted: move over it instead.
        _hide_host_files(env)
        kernel.mount(".", "/", None, f.MS_MOVE)
        kernel.chroot(".")
    kernel.chdir("/")


def _hide_host_files(env: Environment) -> None:
    """Take the host's /proc and /sys out of the mount namespace, in which they would stay.

    A program that may mount would find fully visible ones there, and could mount its own afresh.
    """
    for mount in mounts():
        inside = mount.target == env.rootfs or mount.target.startswith(f"{env.rootfs}/")
        if mount.fstype not in ("proc", "sysfs") or inside:
            continue
        try:
            env.kernel.umount(mount.target, f.MNT_DETACH)
        except SyscallError as error:
            if error.errno == _LOCKED:
                env.kernel.mount("tmpfs", mount.target, "tmpfs", f.MS_RDONLY)
            # Otherwise it was below one that is gone by now.


def set_propagation(env: Environment) -> None:
    """The propagation that config.json asks for, once the root is ours.

    Spec: runtime-spec config-linux.md#rootfs-mount-propagation
    """
    wanted = env.linux.get("rootfsPropagation") or ""
    if wanted:
        recursive = f.MS_REC if wanted.startswith("r") else 0
        env.kernel.mount(None, "/", None, _PROPAGATION[wanted.removeprefix("r")] | recursive)

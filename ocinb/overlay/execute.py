"""A plan carried out: the mount itself, and its undoing."""

from __future__ import annotations

import errno
import os

from ocinb.errors import SyscallError, UnsupportedHost
from ocinb.linux import flags as f
from ocinb.linux.syscalls import Kernel
from ocinb.overlay.plan import COPY, FUSE, ONE_PAGE, OVERLAY, Plan, option_string
from ocinb.overlay.trees import copy_layers, remove_tree

FUSE_PROGRAM = "fuse-overlayfs"


def mount(plan: Plan, source: str) -> None:
    """Make the mount (or the copy) on the existing directory ``plan.target``.

    Args:
        plan: what to make.
        source: what /proc/self/mountinfo shall show as the source of an overlay.

    Raises:
        SyscallError: the kernel refused. UnsupportedHost: no fuse-overlayfs here, or it failed.
        StorageError: no space left for the copy.
    """
    if plan.kind == COPY:
        copy_layers(plan.layers, plan.target, inert=plan.inert)
        return
    descriptors: list[int] = []
    try:
        names = {directory: directory for directory in plan.directories}
        if plan.by_descriptor:
            for directory in names:
                descriptors.append(os.open(directory, f.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
                names[directory] = f"/proc/self/fd/{descriptors[-1]}"
        options = option_string(plan, names)
        if plan.kind == OVERLAY and len(os.fsencode(options)) > ONE_PAGE:
            _mount_one_by_one(plan, names, source)
        elif plan.kind == OVERLAY:
            flags = 0 if plan.upper else f.MS_RDONLY
            flags |= f.MS_NOSUID | f.MS_NODEV if plan.inert else 0
            Kernel().mount(source, plan.target, "overlay", flags, options)
        else:
            options += ",ro" if not plan.upper else ""
            options += ",nosuid,nodev" if plan.inert else ""
            _fuse(plan.target, options, descriptors)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def unmount(target: str, kind: str, *, lazy: bool = False) -> None:
    """Undo ``mount``.

    Args:
        target: as in the plan.
        kind: as in the plan.
        lazy: let it vanish from the tree now and end when nothing uses it any more.

    Raises:
        SyscallError: the kernel refused; EBUSY has a hint.
    """
    if kind == COPY:
        for entry in os.listdir(target):
            remove_tree(f"{target}/{entry}")
        return
    try:
        Kernel().umount(target, f.UMOUNT_NOFOLLOW | (f.MNT_DETACH if lazy else 0))
    except SyscallError as error:
        by_helper = kind == FUSE and error.errno == errno.EPERM
        if by_helper and _run(["fusermount3", "-u", target]) == "":
            return
        if error.errno == errno.EBUSY:
            error.hint = "a process still works in it: see fuser -vm"
        raise


def _mount_one_by_one(plan: Plan, names: dict[str, str], source: str) -> None:
    """Name the layers to the kernel one after the other: mount(2) takes a page of options, which
    is enough for some 190 layers. It can be done since Linux 6.7, for up to 500 layers.
    """
    kernel = Kernel()
    context, tree = kernel.fsopen("overlay"), -1
    try:
        kernel.fsconfig(context, f.FSCONFIG_SET_STRING, "source", source)
        for layer in reversed(plan.layers):
            kernel.fsconfig(context, f.FSCONFIG_SET_STRING, "lowerdir+", names[layer])
        if plan.upper:
            kernel.fsconfig(context, f.FSCONFIG_SET_STRING, "upperdir", names[plan.upper])
            kernel.fsconfig(context, f.FSCONFIG_SET_STRING, "workdir", names[plan.work])
        for word in plan.flags:
            name, equals, value = word.partition("=")
            command = f.FSCONFIG_SET_STRING if equals else f.FSCONFIG_SET_FLAG
            kernel.fsconfig(context, command, name, value if equals else None)
        kernel.fsconfig(context, f.FSCONFIG_CMD_CREATE)
        attributes = 0 if plan.upper else f.MOUNT_ATTR_RDONLY
        attributes |= f.MOUNT_ATTR_NOSUID | f.MOUNT_ATTR_NODEV if plan.inert else 0
        tree = kernel.fsmount(context, attributes)
        kernel.move_mount(tree, "", f.AT_FDCWD, plan.target, f.MOVE_MOUNT_F_EMPTY_PATH)
    except SyscallError as error:
        if error.call != "fsconfig" or error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        raise SyscallError(
            "mount",
            ("overlay", plan.target, f"{len(plan.layers)} layers"),
            errno.E2BIG,
            hint="more layers than one mount takes: 500, and before Linux 6.7 about 190",
        ) from error
    finally:
        for descriptor in filter(lambda number: number >= 0, (tree, context)):
            os.close(descriptor)


def _fuse(target: str, options: str, descriptors: list[int]) -> None:
    failure = _run([FUSE_PROGRAM, "-o", options, target], keep=descriptors)
    if failure:
        raise UnsupportedHost(
            f"fuse-overlayfs could not mount {target}: {failure}",
            hint="it needs the package fuse-overlayfs and a /dev/fuse that this user may open",
        )


def _run(argv: list[str], keep: list[int] | None = None) -> str:
    """Run a program to its end; empty when it succeeded, else the last line it said."""
    for descriptor in keep or ():
        os.set_inheritable(descriptor, True)
    # A file, not a pipe: fuse-overlayfs stays in the background with its standard error open.
    said = os.memfd_create("said")
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, *pair) for pair in ((null, 0), (said, 1), (said, 2))]
    try:
        pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=actions)
        _, status = os.waitpid(pid, 0)
        text = os.pread(said, 65536, 0).decode(errors="replace").strip()
    except FileNotFoundError:
        return f"{argv[0]} is not installed"
    finally:
        os.close(said)
        os.close(null)
    if status == 0:
        return ""
    return text.splitlines()[-1] if text else f"status {os.waitstatus_to_exitcode(status)}"

"""The mounts of config.json, in their order, beneath the root filesystem.

A mount point is opened first, by the kernel's own resolution beneath the root (``Beneath``), and
mounted upon through its descriptor: a symbolic link that is swapped in meanwhile, by another
container that shares the root filesystem, leads nowhere (CVE-2021-30465).
"""

from __future__ import annotations

import os
import stat

from ocinb.errors import InvalidConfig, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.beneath import Beneath
from ocinb.linux.cgroup import hierarchies
from ocinb.runtime import id_mapped
from ocinb.runtime.bind_source import open_source
from ocinb.runtime.environment import close_all, through
from ocinb.runtime.mount_options import parse
from ocinb.runtime.steps import labels
from ocinb.runtime.steps.copy_up import copy_tree
from ocinb.runtime.steps.mount_points import (
    make_directory,
    mode_before,
    refuse_link,
    refuse_proc,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.runtime.environment import Environment
    from ocinb.runtime.mount_options import MountOptions

_NOT_PERMITTED = 1


def mount_all(env: Environment) -> None:
    """Mount what config.json lists.

    Spec: runtime-spec config.md#mounts
    """
    for number, entry in enumerate(env.config.get("mounts") or []):
        env.applying(f"mounts[{number}] ({entry['destination']})")
        options = parse(entry.get("options") or [])
        destination = "/" + entry["destination"].lstrip("/")
        if id_mapped.wanted(entry, options) and not options.bind:
            raise InvalidConfig(
                "only the ids of bind mounts can be mapped",
                citation="runtime-spec config.md#linux-mount-options",
            )
        if options.remount:
            _remount(env, destination, options)
        elif options.bind:
            _bind(env, number, entry, destination, options)
        elif entry.get("type") == "cgroup":
            _mount_cgroups(env, destination, options)
        else:
            _mount_filesystem(env, entry, destination, options)


def _mount_filesystem(
    env: Environment, entry: dict[str, Any], destination: str, options: MountOptions
) -> None:
    """Mount a filesystem of its own: proc, sysfs, tmpfs, devpts, mqueue …

    Spec: runtime-spec config.md#posix-platform-mounts (type)
    """
    fstype = entry.get("type") or ""
    if fstype in ("proc", "sysfs"):
        refuse_link(env, destination, fstype)
    mode = mode_before(env, destination) if fstype == "tmpfs" else ""
    point = make_directory(env, destination, f"a {fstype}")
    if fstype != "proc":
        refuse_proc(env, destination, point)
    words = [word for word in options.data.split(",") if word]
    if mode and not any(word.startswith("mode=") for word in words):
        words.append(mode)
    if fstype == "tmpfs" and options.copy_up:
        _mount_copied(env, point, entry, options, words)
    else:
        source = entry.get("source") or fstype or "none"
        data = labels.mount_data(env, ",".join(words))
        flags = options.flags & ~f.MS_RDONLY if fstype == "tmpfs" else options.flags
        env.kernel.mount(source, through(point), fstype, flags, data or None)
    os.close(point)
    _finish(env, destination, options)


def make_tmpfs_readonly(env: Environment) -> None:
    """A tmpfs becomes read-only once all that belongs in it is there: devices, mount points.

    Spec: none (runc convention)
    """
    for number, entry in enumerate(env.config.get("mounts") or []):
        options = parse(entry.get("options") or [])
        if entry.get("type") != "tmpfs" or options.bind or not options.flags & f.MS_RDONLY:
            continue
        env.applying(f"mounts[{number}] ({entry['destination']})")
        fd = env.root.open(entry["destination"])
        env.kernel.mount_setattr(fd, "", f.AT_EMPTY_PATH, set_=f.MOUNT_ATTR_RDONLY)
        os.close(fd)


def _bind(
    env: Environment, number: int, entry: dict[str, Any], destination: str, options: MountOptions
) -> None:
    """Bind a file or a directory of the host.

    A detached copy of the source is made, gets its attributes while nobody can see it, and is
    then attached: it is at no moment there without them.

    Spec: runtime-spec config.md#mounts (source)
    """
    kernel = env.kernel
    tree = env.sources.get(number, -1)
    if tree < 0:
        tree = open_source(env.kernel, env.bundle, entry, options)
    is_directory = stat.S_ISDIR(os.fstat(tree).st_mode)
    _set_attributes(env, tree, options)
    if is_directory:
        point = make_directory(env, destination, f"{entry.get('source')}, a directory,")
    else:
        point = env.root.make_file(destination)
    refuse_proc(env, destination, point, tree)
    if not is_directory and stat.S_ISDIR(os.fstat(point).st_mode):
        raise InvalidConfig(
            f"{entry.get('source')} is a file and {destination} in the container a directory: "
            "one cannot be mounted over the other"
        )
    kernel.move_mount(tree, "", point, "", f.MOVE_MOUNT_F_EMPTY_PATH | f.MOVE_MOUNT_T_EMPTY_PATH)
    close_all(tree, point)
    for propagation in options.propagation:
        _set_propagation(env, destination, propagation)


def _set_attributes(env: Environment, tree: int, options: MountOptions) -> None:
    for below, on, off in (
        (0, options.set, options.clear),
        (f.AT_RECURSIVE, options.set_below, options.clear_below),
    ):
        if not on and not off:
            continue
        try:
            env.kernel.mount_setattr(tree, "", f.AT_EMPTY_PATH | below, set_=on, clear=off)
        except SyscallError as error:
            # In a user namespace the host's read-only, nodev … are locked: they can be kept,
            # not cleared. "rw" on such a source asks for what cannot be; the mount stays strict.
            if error.errno != _NOT_PERMITTED or not off:
                raise
            env.log.warning(f"{env.recording.field}: the host's restrictions on it are kept")
            if on & ~f.MOUNT_ATTR__ATIME:
                strict = on & ~f.MOUNT_ATTR__ATIME
                env.kernel.mount_setattr(tree, "", f.AT_EMPTY_PATH | below, set_=strict)


def _finish(env: Environment, destination: str, options: MountOptions) -> None:
    """What mount(2) itself cannot say of a new mount: recursive attributes and propagation."""
    if options.set_below or options.clear_below:
        fd = env.root.open(destination)
        env.kernel.mount_setattr(
            fd,
            "",
            f.AT_EMPTY_PATH | f.AT_RECURSIVE,
            set_=options.set_below,
            clear=options.clear_below,
        )
        os.close(fd)
    for propagation in options.propagation:
        _set_propagation(env, destination, propagation)


def _set_propagation(env: Environment, destination: str, propagation: int) -> None:
    fd = env.root.open(destination)
    env.kernel.mount(None, through(fd), None, propagation)
    os.close(fd)


def _remount(env: Environment, destination: str, options: MountOptions) -> None:
    """Change the options of what is mounted there already.

    Spec: runtime-spec config.md#linux-mount-options (remount)
    """
    fd = env.root.open(destination)
    if options.bind:
        _set_attributes(env, fd, options)
    else:
        flags = f.MS_REMOUNT | options.flags
        env.kernel.mount(None, through(fd), None, flags, options.data or None)
    os.close(fd)
    _finish(env, destination, options)


def _mount_copied(
    env: Environment, point: int, entry: dict[str, Any], options: MountOptions, words: list[str]
) -> None:
    """A tmpfs that starts as a copy of the directory it covers.

    Spec: runtime-spec config.md#linux-mount-options (tmpcopyup)
    """
    kernel = env.kernel
    context = kernel.fsopen("tmpfs")
    kernel.fsconfig(context, f.FSCONFIG_SET_STRING, "source", entry.get("source") or "tmpfs")
    for word in words:
        name, equals, value = word.partition("=")
        command = f.FSCONFIG_SET_STRING if equals else f.FSCONFIG_SET_FLAG
        kernel.fsconfig(context, command, name, value if equals else None)
    kernel.fsconfig(context, f.FSCONFIG_CMD_CREATE)
    tree = kernel.fsmount(context)
    source = os.open(through(point), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    target = kernel.openat2(tree, ".", os.O_RDONLY | os.O_DIRECTORY)
    copy_tree(source, target)
    _set_attributes(env, tree, options)
    kernel.move_mount(tree, "", point, "", f.MOVE_MOUNT_F_EMPTY_PATH | f.MOVE_MOUNT_T_EMPTY_PATH)
    close_all(context, tree, source, target)


def _mount_cgroups(env: Environment, destination: str, options: MountOptions) -> None:
    """The container's view of the control groups.

    Version 2 is one filesystem. Version 1 is a tmpfs with a directory for each tree, and links
    for controllers that share one; with a cgroup namespace the trees are mounted afresh, without
    one only the container's own part of them is bound.

    Spec: runtime-spec config-linux.md#control-groups
    """
    kernel = env.kernel
    trees = hierarchies() if env.trees is None else env.trees
    point = env.root.make_directory(destination)
    if trees and trees[0].version == 2:
        try:
            kernel.mount("cgroup", through(point), "cgroup2", options.flags)
        except SyscallError as error:
            if error.errno not in (1, 16):
                raise
            _bind_group(env, trees[0].own, point, options)
        os.close(point)
        _finish(env, destination, options)
        return
    flags = options.flags & ~f.MS_RDONLY
    kernel.mount("tmpfs", through(point), "tmpfs", flags, "mode=755")
    os.close(point)
    top = env.root.open(destination)
    within = Beneath(kernel, top)  # what was mounted just now, nobody else sees
    for tree in trees:
        name = ",".join(tree.controllers).removeprefix("name=")
        kernel.mkdir(name, 0o755, dirfd=top)
        inner = within.open(name)
        if "cgroup" in env.namespaces:
            kernel.mount("cgroup", through(inner), "cgroup", flags, ",".join(tree.controllers))
        else:
            _bind_group(env, tree.own, inner, options)
        os.close(inner)
        if len(tree.controllers) > 1:
            for controller in tree.controllers:
                kernel.symlink(name, controller, dirfd=top)
    if options.flags & f.MS_RDONLY:
        kernel.mount_setattr(top, "", f.AT_EMPTY_PATH | f.AT_RECURSIVE, set_=f.MOUNT_ATTR_RDONLY)
    os.close(top)
    _finish(env, destination, options)


def _bind_group(env: Environment, group: str, point: int, options: MountOptions) -> None:
    tree = env.kernel.open_tree(f.AT_FDCWD, group or "/", f.OPEN_TREE_CLONE)
    _set_attributes(env, tree, options)
    both = f.MOVE_MOUNT_F_EMPTY_PATH | f.MOVE_MOUNT_T_EMPTY_PATH
    env.kernel.move_mount(tree, "", point, "", both)
    os.close(tree)

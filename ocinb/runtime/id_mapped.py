"""Id-mapped mounts: files that belong to other ids in the container than on the host.

The kernel takes the map of a user namespace; so one is made for just long enough to name it.
See mount_setattr(2).

Spec: runtime-spec config.md#linux-mount-options (idmap, ridmap)
"""

from __future__ import annotations

import os

from ocinb.errors import InvalidConfig, StepFailed, SyscallError
from ocinb.linux import flags as f
from ocinb.linux.id_maps import IdMap, write_maps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.environment import Environment
    from ocinb.runtime.mount_options import MountOptions

_SIGKILL = 9


def wanted(entry: dict[str, Any], options: MountOptions) -> bool:
    """Whether a mount shall have a map of ids. The fields alone ask for one too."""
    return bool(options.id_map or entry.get("uidMappings"))


def apply(env: Environment, tree: int, entry: dict[str, Any], options: MountOptions) -> None:
    """Give a detached copy of a bind source its map, while nobody can see it.

    Raises:
        InvalidConfig: there are no ids to map.
        StepFailed: the file system, or this user, cannot do it.
    """
    uids, gids = (_maps(env, entry, name) for name in ("uidMappings", "gidMappings"))
    namespace = user_namespace(env.kernel, uids, gids)
    recursive = f.AT_RECURSIVE if options.id_map == "ridmap" else 0
    try:
        env.kernel.mount_setattr(
            tree,
            "",
            f.AT_EMPTY_PATH | recursive,
            set_=f.MOUNT_ATTR_IDMAP,
            userns_fd=namespace,
        )
    except SyscallError as error:
        raise StepFailed(
            f"{env.recording.field}: ids of {entry.get('source')} cannot be mapped: "
            f"{os.strerror(error.errno or 0).lower()}",
            hint="it takes the host's superuser, and a file system that supports it",
            citation="runtime-spec config.md#linux-mount-options",
        ) from None
    finally:
        os.close(namespace)


def _maps(env: Environment, entry: dict[str, Any], name: str) -> list[IdMap]:
    listed = entry.get(name)
    if not listed and env.namespaces.get("user") == "":
        listed = env.linux.get(name)
    if not listed:
        raise InvalidConfig(
            f"{env.recording.field}: an id-mapped mount needs uidMappings and gidMappings, "
            "or a new user namespace whose map it takes",
            citation="runtime-spec config.md#linux-mount-options",
        )
    return [IdMap(inside=m["containerID"], outside=m["hostID"], size=m["size"]) for m in listed]


def user_namespace(kernel: Kernel, uids: list[IdMap], gids: list[IdMap]) -> int:
    """A descriptor of a new user namespace with these maps, which no process is in."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            kernel.unshare(f.CLONE_NEWUSER)
            os.write(tell, b".")
            os.close(tell)
            # Until we are killed: a namespace lives as long as somebody is in it, or names it.
            os.read(os.pipe2(os.O_CLOEXEC)[0], 1)
        finally:
            os._exit(1)
    os.close(tell)
    try:
        if not os.read(told, 1):
            raise StepFailed("no user namespace could be made for an id-mapped mount")
        write_maps(kernel, child, uids, gids)
        return kernel.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(told)
        kernel.kill(child, _SIGKILL)
        os.waitpid(child, 0)

"""The root filesystem of a container without a mount namespace: its mounts are the host's."""

from __future__ import annotations

from ocinb.errors import SyscallError
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocinb.linux.syscalls import Kernel
    from ocinb.runtime.container_state import Container
    from ocinb.runtime.log import Log
    from ocinb.runtime.recording import Recording

_NOT_MOUNTED = 22


def bind_root(container: Container, recording: Recording, log: Log) -> None:
    """Put all that the container mounts beneath one mount of the host, whose end is the end of
    all.
    """
    rootfs = container.data["rootfs"]
    recording.field = "root.path"
    log.debug("linux.namespaces has no mount namespace: mounts are made for the host")
    recording.kernel.mount(rootfs, rootfs, None, f.MS_BIND | f.MS_REC)
    container.amend(root_mount=rootfs)
    recording.kernel.mount(None, rootfs, None, f.MS_PRIVATE)


def unbind_root(container: Container, kernel: Kernel) -> None:
    """Undo the mounts that a container without a mount namespace made; may be called twice."""
    rootfs = container.data.pop("root_mount", None)
    if rootfs:
        try:
            kernel.umount(rootfs, f.MNT_DETACH | f.UMOUNT_NOFOLLOW)
        except SyscallError as error:
            if error.errno != _NOT_MOUNTED:
                raise

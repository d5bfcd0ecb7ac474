"""What a running container shares with the host, and what is its own: namespaces and mounts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ocinb.errors import InvalidStatus, UnsupportedHost
from ocinb.linux.mounts import MountInfo, mounts
from ocinb.table import Table, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

ISOLATION_COLUMNS = columns("part name container host shared detail")
"""``part``: ``namespace`` or ``mount``. For a namespace ``container`` and ``host`` are the inodes
that identify it on either side; for a mount they are its file system's type where it is there.
``shared``: ``yes`` where both have the same one."""

MEANINGS = {
    "user": "user and group ids",
    "mnt": "the tree of mounts",
    "pid": "numbers of processes",
    "net": "interfaces, addresses, ports",
    "ipc": "shared memory, queues",
    "uts": "the host name",
    "cgroup": "the root of control groups",
    "time": "clocks since boot",
}
"""Kind of namespace → what it separates. See namespaces(7)."""


def isolation_table(pid: int, name: str) -> Table:
    """Namespaces, then mounts, of a process beside those of this one.

    Args:
        pid: of the container's first process.
        name: the container's.

    Raises:
        InvalidStatus: it has ended. UnsupportedHost: it is another user's.

    Spec: runtime-spec config-linux.md#namespaces, runtime-spec config.md#mounts
    """
    try:
        rows = [*_namespaces(pid), *_mounts(pid)]
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ended(name) from error
    except PermissionError as error:
        raise UnsupportedHost(
            f"the namespaces of container {name} cannot be seen", hint="ask as the user who runs it"
        ) from error
    return Table(ISOLATION_COLUMNS, rows, title=f"namespaces and mounts of {name}", key="name")


def ended(name: str) -> InvalidStatus:
    """For questions that only a running container answers."""
    return InvalidStatus(
        f"container {name} has ended: it has no processes that could be looked at",
        hint="ocinb run --detach IMAGE sleep 600 starts one that goes on",
        citation="runtime-spec runtime.md#state",
    )


def _namespaces(pid: int) -> Iterator[tuple[Any, ...]]:
    for kind, meaning in MEANINGS.items():
        try:
            theirs, ours = (_inode(process, kind) for process in (str(pid), "self"))
        except FileNotFoundError:
            if not os.path.exists(f"/proc/{pid}/ns"):
                raise
            continue  # a kernel without this kind
        yield "namespace", kind, theirs, ours, "yes" if theirs == ours else "no", meaning


def _inode(process: str, kind: str) -> str:
    return os.readlink(f"/proc/{process}/ns/{kind}").partition("[")[2].rstrip("]")


def _mounts(pid: int) -> Iterator[tuple[Any, ...]]:
    # The same superblock and directory, seen from both sides.
    ours = {(mount.device, mount.root): mount for mount in mounts()}
    for mount in mounts(pid):
        same = ours.get((mount.device, mount.root))
        host = same.target if same else ""
        yield "mount", mount.target, mount.fstype, host, "yes" if same else "no", _detail(mount)


def _detail(mount: MountInfo) -> str:
    words = [word for word in mount.options if word in ("ro", "rw", "nosuid", "nodev", "noexec")]
    source = mount.source if mount.source not in ("none", mount.fstype) else ""
    return " ".join([*words, *([f"from {source}"] if source else [])])

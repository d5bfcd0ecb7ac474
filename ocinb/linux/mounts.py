"""What is mounted: /proc/PID/mountinfo, read.

See proc_pid_mountinfo(5).
"""

from __future__ import annotations

from ocinb.frozen import Frozen
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


class MountInfo(Frozen):
    """A line of mountinfo.

    Attributes:
        mount_id: unique while it is mounted.
        parent_id: the mount it sits on.
        device: ``major:minor`` of the filesystem.
        root: the directory of the filesystem that is its root here (``/`` unless bound).
        target: the mount point, as seen from the process's root.
        options: of this mount.
        propagation: optional fields, as in ``shared:3``, ``master:1``, ``unbindable``.
        fstype: filesystem type.
        source: what was mounted.
        super_options: of the filesystem.
    """

    mount_id: int
    parent_id: int
    device: str
    root: str
    target: str
    options: tuple[str, ...]
    propagation: tuple[str, ...]
    fstype: str
    source: str
    super_options: str

    @property
    def flags(self) -> int:
        """The per-mount flags as ``MS_*`` bits, as a remount must repeat them."""
        return _flags(self.options)


_FLAGS = {
    "ro": f.MS_RDONLY,
    "nosuid": f.MS_NOSUID,
    "nodev": f.MS_NODEV,
    "noexec": f.MS_NOEXEC,
    "noatime": f.MS_NOATIME,
    "nodiratime": f.MS_NODIRATIME,
    "relatime": f.MS_RELATIME,
    "nosymfollow": f.MS_NOSYMFOLLOW,
}


def _flags(options: tuple[str, ...]) -> int:
    total = 0
    for option in options:
        total |= _FLAGS.get(option, 0)
    # Neither relatime nor noatime is how the kernel prints strictatime.
    return total if total & (f.MS_NOATIME | f.MS_RELATIME) else total | f.MS_STRICTATIME


def parse(text: str, fstypes: Collection[str] = ()) -> Iterator[MountInfo]:
    """The lines of a mountinfo file, in its order (later mounts lie over earlier ones).

    Args:
        fstypes: only those of these types; none: all.
    """
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        if fstypes and right.partition(" ")[0] not in fstypes:
            continue
        number, parent, device, root, target, options, *propagation = left.split(" ")
        fstype, source, super_options = right.split(" ", 2)
        yield MountInfo(
            mount_id=int(number),
            parent_id=int(parent),
            device=device,
            root=_plain(root),
            target=_plain(target),
            options=tuple(options.split(",")),
            propagation=tuple(filter(None, propagation)),
            fstype=fstype,
            source=_plain(source),
            super_options=super_options,
        )


def mounts(pid: int | str = "self", fstypes: Collection[str] = ()) -> list[MountInfo]:
    """The mounts that a process sees; only those of some types, where any are given.

    Raises:
        OSError: no such process, or no /proc.
    """
    # A name may hold any bytes; these come back unchanged from os.fsencode.
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return list(parse(file.read(), fstypes))


def mount_at(target: str, among: list[MountInfo] | None = None) -> MountInfo | None:
    """The topmost mount exactly at this path, or None."""
    for mount in reversed(mounts() if among is None else among):
        if mount.target == target:
            return mount
    return None


def mount_of(path: str, among: list[MountInfo] | None = None) -> MountInfo | None:
    """The mount that holds an absolute, resolved path: the topmost with the longest prefix."""
    best: MountInfo | None = None
    for mount in mounts() if among is None else among:
        prefix = mount.target.rstrip("/") + "/"
        if (path + "/").startswith(prefix) and (
            best is None or len(best.target) <= len(mount.target)
        ):
            best = mount
    return best


def _plain(text: str) -> str:
    r"""Undo the kernel's octal escapes: ``\040`` is a space."""
    if "\\" not in text:
        return text
    for escape, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#")):
        text = text.replace(escape, plain)
    return text.replace("\\134", "\\")

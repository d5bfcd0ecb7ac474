"""The option words of a mount, as numbers for the kernel. Pure.

Spec: runtime-spec config.md#linux-mount-options
"""

from __future__ import annotations

from ocinb.frozen import Frozen
from ocinb.linux import flags as f

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

SET, CLEAR = True, False

ATTRIBUTES = {
    "ro": (SET, f.MS_RDONLY, f.MOUNT_ATTR_RDONLY),
    "rw": (CLEAR, f.MS_RDONLY, f.MOUNT_ATTR_RDONLY),
    "nosuid": (SET, f.MS_NOSUID, f.MOUNT_ATTR_NOSUID),
    "suid": (CLEAR, f.MS_NOSUID, f.MOUNT_ATTR_NOSUID),
    "nodev": (SET, f.MS_NODEV, f.MOUNT_ATTR_NODEV),
    "dev": (CLEAR, f.MS_NODEV, f.MOUNT_ATTR_NODEV),
    "noexec": (SET, f.MS_NOEXEC, f.MOUNT_ATTR_NOEXEC),
    "exec": (CLEAR, f.MS_NOEXEC, f.MOUNT_ATTR_NOEXEC),
    "nodiratime": (SET, f.MS_NODIRATIME, f.MOUNT_ATTR_NODIRATIME),
    "diratime": (CLEAR, f.MS_NODIRATIME, f.MOUNT_ATTR_NODIRATIME),
    "nosymfollow": (SET, f.MS_NOSYMFOLLOW, f.MOUNT_ATTR_NOSYMFOLLOW),
    "symfollow": (CLEAR, f.MS_NOSYMFOLLOW, f.MOUNT_ATTR_NOSYMFOLLOW),
    "noatime": (SET, f.MS_NOATIME, f.MOUNT_ATTR_NOATIME),
    "atime": (CLEAR, f.MS_NOATIME, f.MOUNT_ATTR_NOATIME),
    "relatime": (SET, f.MS_RELATIME, f.MOUNT_ATTR_RELATIME),
    "norelatime": (CLEAR, f.MS_RELATIME, f.MOUNT_ATTR_RELATIME),
    "strictatime": (SET, f.MS_STRICTATIME, f.MOUNT_ATTR_STRICTATIME),
    "nostrictatime": (CLEAR, f.MS_STRICTATIME, f.MOUNT_ATTR_STRICTATIME),
}
"""Word → set or clear, flag of mount(2), attribute of mount_setattr(2).

With an ``r`` in front the word holds for all mounts below as well (``rro``, ``rnoexec`` …).
"""

FILESYSTEM = {
    "sync": (SET, f.MS_SYNCHRONOUS),
    "async": (CLEAR, f.MS_SYNCHRONOUS),
    "dirsync": (SET, f.MS_DIRSYNC),
    "mand": (SET, f.MS_MANDLOCK),
    "nomand": (CLEAR, f.MS_MANDLOCK),
    "iversion": (SET, f.MS_I_VERSION),
    "noiversion": (CLEAR, f.MS_I_VERSION),
    "lazytime": (SET, f.MS_LAZYTIME),
    "nolazytime": (CLEAR, f.MS_LAZYTIME),
    "silent": (SET, f.MS_SILENT),
    "loud": (CLEAR, f.MS_SILENT),
    "defaults": (SET, 0),
}
"""Words about the filesystem as a whole, not about one of its mounts."""

PROPAGATION = {
    "private": f.MS_PRIVATE,
    "rprivate": f.MS_PRIVATE | f.MS_REC,
    "shared": f.MS_SHARED,
    "rshared": f.MS_SHARED | f.MS_REC,
    "slave": f.MS_SLAVE,
    "rslave": f.MS_SLAVE | f.MS_REC,
    "unbindable": f.MS_UNBINDABLE,
    "runbindable": f.MS_UNBINDABLE | f.MS_REC,
}

BINDS = {"bind": False, "rbind": True}
ID_MAPS = ("idmap", "ridmap")
COPY_UP = "tmpcopyup"


class MountOptions(Frozen):
    """The words of one mount, taken apart.

    Attributes:
        flags: of mount(2), without bind and propagation.
        set: attributes that the mount shall have.
        clear: attributes that the mount shall explicitly not have.
        set_below: the same for the whole tree of mounts.
        clear_below: the same for the whole tree of mounts.
        propagation: one number for each propagation word, in order.
        data: what is left for the filesystem itself.
        bind: it is a bind mount.
        recursive: with the mounts below.
        remount: the options of an existing mount are changed.
        copy_up: a tmpfs starts with the contents of what it covers.
        id_map: ``idmap``, ``ridmap`` or empty.
    """

    flags: int = 0
    set: int = 0
    clear: int = 0
    set_below: int = 0
    clear_below: int = 0
    propagation: tuple[int, ...] = ()
    data: str = ""
    bind: bool = False
    recursive: bool = False
    remount: bool = False
    copy_up: bool = False
    id_map: str = ""


def parse(words: Iterable[str]) -> MountOptions:
    """Take option words apart; where two contradict each other the later one holds.

    A word that nobody knows is the filesystem's.

    Spec: runtime-spec config.md#linux-mount-options
    """
    flags = 0
    here, below = _Attributes(), _Attributes()
    propagation: list[int] = []
    data: list[str] = []
    known: dict[str, Any] = {}
    for word in words:
        if word in ATTRIBUTES:
            on, flag, attribute = ATTRIBUTES[word]
            flags = flags | flag if on else flags & ~flag
            here.apply(on, attribute, word)
        elif word[:1] == "r" and word[1:] in ATTRIBUTES:
            on, _, attribute = ATTRIBUTES[word[1:]]
            below.apply(on, attribute, word[1:])
        elif word in FILESYSTEM:
            on, flag = FILESYSTEM[word]
            flags = flags | flag if on else flags & ~flag
        elif word in PROPAGATION:
            propagation.append(PROPAGATION[word])
        elif word in BINDS:
            known.update(bind=True, recursive=BINDS[word] or known.get("recursive", False))
        elif word in ID_MAPS:
            known["id_map"] = word
        elif word == "remount":
            known["remount"] = True
        elif word == COPY_UP:
            known["copy_up"] = True
        elif word:
            data.append(word)
    return MountOptions(
        flags=flags,
        set=here.on,
        clear=here.off,
        set_below=below.on,
        clear_below=below.off,
        propagation=tuple(propagation),
        data=",".join(data),
        **known,
    )


class _Attributes:
    """Attributes to set and to clear. The three modes of atime exclude each other."""

    def __init__(self) -> None:
        self.on = 0
        self.off = 0

    def apply(self, on: bool, attribute: int, word: str) -> None:
        if word.endswith("atime") and not word.endswith("diratime"):
            # One number, not bits: the kernel wants the whole field cleared before it is set.
            self.off |= f.MOUNT_ATTR__ATIME
            self.on &= ~f.MOUNT_ATTR__ATIME
            if on:
                self.on |= attribute
        elif on:
            self.on |= attribute
            self.off &= ~attribute
        else:
            self.off |= attribute
            self.on &= ~attribute


def words() -> set[str]:
    """Every option word that is understood here and not passed to the filesystem.

    Spec: runtime-spec features.md#mount-options
    """
    recursive = {f"r{word}" for word in ATTRIBUTES}
    return {
        *ATTRIBUTES, *recursive, *FILESYSTEM, *PROPAGATION, *BINDS, *ID_MAPS, "remount", COPY_UP
    }  # fmt: skip

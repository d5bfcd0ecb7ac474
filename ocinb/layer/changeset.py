"""The vocabulary of a layer: entries of a filesystem changeset.

Spec: image-spec layer.md#change-types
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ocinb.errors import LayerError

FILE = "file"
DIRECTORY = "directory"
SYMLINK = "symlink"
HARDLINK = "hardlink"
FIFO = "fifo"
CHAR = "char"
BLOCK = "block"
WHITEOUT = "whiteout"
OPAQUE = "opaque"

KINDS = (FILE, DIRECTORY, SYMLINK, HARDLINK, FIFO, CHAR, BLOCK, WHITEOUT, OPAQUE)
"""What an entry can be. Spec: image-spec layer.md#file-types and layer.md#whiteouts"""

NO_XATTRS: Mapping[str, bytes] = MappingProxyType({})


def _no_xattrs() -> Mapping[str, bytes]:
    return NO_XATTRS


@dataclasses.dataclass(slots=True)
class Entry:
    """One change of a changeset: something added or modified, or something removed.

    Spec: image-spec layer.md#file-attributes

    Attributes:
        path: relative to the root, clean (no leading or trailing ``/``, no ``.`` or ``..``); the
            root itself is empty. For a ``whiteout`` the path that is removed, for ``opaque`` the
            directory whose lower children are. Bytes that are not text are surrogates, as
            ``os.fsdecode`` makes them.
        kind: one of ``KINDS``.
        mode: permission bits with setuid, setgid and sticky.
        uid, gid: numeric owner.
        mtime: nanoseconds since the epoch.
        size: bytes of a regular file's content, holes included.
        linkname: target of a symbolic link as it stands; for a hard link the path of the other
            name, clean as ``path`` is.
        xattrs: extended attributes.
        device: major and minor number of a device.
        source: where ``pack`` finds a regular file's content: the bytes, or a path to read.
        extents: ``(offset, length)`` of the parts of a sparse file that are stored, else None.
    """

    path: str
    kind: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    size: int = 0
    linkname: str = ""
    xattrs: Mapping[str, bytes] = dataclasses.field(default_factory=_no_xattrs)
    device: tuple[int, int] = (0, 0)
    source: bytes | Path | None = None
    extents: tuple[tuple[int, int], ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may ask of this machine; every one can be raised by the caller.

    Attributes:
        size: bytes of the uncompressed archive, and of all file content with holes counted.
        entries: number of tar entries.
        ratio: uncompressed to compressed bytes, checked once ``ratio_floor`` bytes have passed.
        ratio_floor: bytes that may pass at any ratio (a small file of zeros is no attack).
        depth: components of a path.
        metadata: bytes of one extended header, and of the paths and attributes in it.
    """

    size: int = 64 << 30
    entries: int = 5_000_000
    ratio: int = 250
    ratio_floor: int = 256 << 20
    depth: int = 256
    metadata: int = 4 << 20

    @classmethod
    def parse(cls, text: str) -> Limits:
        """Limits written as in ``size=200G,ratio=1000``; what is not named stays as it is.

        Numbers may end in K, M, G or T, powers of 1024.

        Raises:
            LayerError: a name that is none, or no number.
        """
        found = {}
        names = [field.name for field in dataclasses.fields(cls)]
        for word in filter(None, (word.strip() for word in text.split(","))):
            name, _, number = word.partition("=")
            match = re.fullmatch(r"([0-9]+)([KMGT]?)", number.strip())
            if name not in names or match is None:
                raise LayerError(
                    f"{word!r} is not a limit for layers",
                    hint=f"as in size=200G,ratio=1000; there are {', '.join(names)}",
                )
            found[name] = int(match[1]) << (10 * " KMGT".index(match[2] or " "))
        return cls(**found)

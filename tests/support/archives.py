"""Layer archives made with Python's tarfile, which is not what we test."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from typing import Any

REGULAR, DIRECTORY, SYMLINK, HARDLINK = (
    tarfile.REGTYPE,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
)
MTIME = 1_000_000_000

Member = tuple[tarfile.TarInfo, bytes]


def member(
    name: str, kind: bytes = REGULAR, data: bytes = b"", link: str = "", **fields: Any
) -> Member:
    """A tar entry; ``fields`` are those of ``TarInfo``, as in ``mode=0o600``."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(data), link
    info.mode, info.mtime = (0o755 if kind == DIRECTORY else 0o644), MTIME
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def directory(name: str, **fields: Any) -> Member:
    """A directory's entry."""
    return member(name, DIRECTORY, **fields)


def symlink(name: str, target: str, **fields: Any) -> Member:
    """A symbolic link's entry."""
    return member(name, SYMLINK, link=target, **fields)


def hardlink(name: str, target: str, **fields: Any) -> Member:
    """A hard link's entry."""
    return member(name, HARDLINK, link=target, **fields)


def archive(members: Iterable[Member], format: int = tarfile.PAX_FORMAT, **options: Any) -> bytes:
    """The bytes of an uncompressed archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, **options) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def layer(*members: Member) -> io.BytesIO:
    """A gzip layer of these entries, ready to be read."""
    return io.BytesIO(gzip.compress(archive(members), mtime=0))

"""The archive format that the kernel unpacks as its first root file system: newc.

See Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

_END = "TRAILER!!!"


def write_archive(root: Path, out: BinaryIO) -> None:
    """Write everything below ``root``, owned by the superuser."""
    for number, path in enumerate(sorted(root.rglob("*")), start=1):
        info = path.lstat()
        if stat.S_ISLNK(info.st_mode):
            data = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(info.st_mode):
            data = path.read_bytes()
        else:
            data = b""
        _write(out, str(path.relative_to(root)), data, number, info.st_mode)
    _write(out, _END, b"", 0, 0)


def _write(out: BinaryIO, name: str, data: bytes, number: int, mode: int) -> None:
    encoded = name.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, device, device, node, node, name's size, checksum
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    for part in (header + encoded, data):
        out.write(part + b"\0" * (-len(part) % 4))

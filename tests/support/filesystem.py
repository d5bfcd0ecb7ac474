"""New file systems, for measurements that should not tell what the disk went through before."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.peers import require


@contextmanager
def new_ext4(directory: Path, size: int) -> Iterator[Path]:
    """A new, empty ext4 of ``size`` bytes in a sparse file, mounted at ``directory``.

    At the end it is unmounted, with whatever was mounted beneath it, and file and directory go.
    """
    image = directory.with_suffix(".ext4")
    with image.open("wb") as file:
        file.truncate(size)
    directory.mkdir()
    try:
        subprocess.run([require("mkfs.ext4"), "-q", "-F", image], check=True)
        # without the kernel's thread that would zero the tables of inodes meanwhile
        options = "loop,noinit_itable"
        subprocess.run([require("mount"), "-o", options, image, directory], check=True)
        try:
            yield directory
        finally:
            subprocess.run([require("umount"), "--recursive", directory], check=True)
    finally:
        directory.rmdir()
        image.unlink()

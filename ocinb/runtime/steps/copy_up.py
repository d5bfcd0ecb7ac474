"""Copying a directory into a tmpfs that will cover it."""

from __future__ import annotations

import os
import stat


def copy_tree(source: int, target: int) -> None:
    """Copy the contents of one open directory into another: modes, owners, times, links.

    Devices and sockets are left out; an owner that cannot be set is left as it is.
    """
    for entry in list(os.scandir(source)):
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            os.mkdir(entry.name, 0o700, dir_fd=target)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner_source = os.open(entry.name, flags, dir_fd=source)
            inner_target = os.open(entry.name, flags, dir_fd=target)
            copy_tree(inner_source, inner_target)
            os.close(inner_source)
            os.close(inner_target)
        elif stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(entry.name, dir_fd=source), entry.name, dir_fd=target)
        elif stat.S_ISREG(info.st_mode):
            _copy_file(entry.name, source, target)
        else:
            continue
        _copy_attributes(entry.name, info, target)


def _copy_file(name: str, source: int, target: int) -> None:
    reading = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    writing = os.open(name, flags, 0o600, dir_fd=target)
    while os.sendfile(writing, reading, None, 1 << 20):
        pass
    os.close(reading)
    os.close(writing)


def _copy_attributes(name: str, info: os.stat_result, target: int) -> None:
    try:
        os.chown(name, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
    except OSError:
        pass  # an id that the user namespace does not map
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(name, stat.S_IMODE(info.st_mode), dir_fd=target)
    times = (info.st_atime_ns, info.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)

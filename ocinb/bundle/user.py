"""Who runs in the container: names looked up in the image's own passwd and group files.

Both files are a stranger's. They are opened beneath the root filesystem and nowhere else, must be
regular files, are read up to a limit, and lines that make no sense are passed over.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator

from ocinb.errors import SyscallError, UnknownUser
from ocinb.frozen import Frozen
from ocinb.linux.beneath import Beneath
from ocinb.linux.syscalls import Kernel

LARGEST_FILE = 4 * 1024 * 1024
"""Bytes of a passwd or group file that are read; what lies behind does not count."""
LARGEST_ID = 2**32 - 2
"""4294967295 is the kernel's word for "no change"."""

_NOT_SEEN = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)
"""Errors that do not tell whether a file is there."""

_CITATION = "image-spec conversion.md#configuser"


class User(Frozen):
    """The identity of the container's process.

    Attributes:
        uid: user id.
        gid: group id.
        additional_gids: supplementary groups.
        home: the home directory that passwd names; ``/`` where it names none.
    """

    uid: int
    gid: int
    additional_gids: tuple[int, ...] = ()
    home: str = "/"


def resolve(text: str, rootfs: str | os.PathLike[str], extra: Iterable[str] = ()) -> User:
    """The user that an image config or a person means.

    Args:
        text: ``user``, ``uid``, ``user:group``, ``uid:gid`` and so on; empty is the superuser.
        rootfs: the container's root filesystem.
        extra: further groups, by name or number.

    Numbers are taken as they are. A user given by name has the groups of the group file, unless
    a group was given too.

    Raises:
        UnknownUser: a name that is not in the files, or a number out of range.
        SyscallError: it could not be seen whether the files are there.

    Spec: image-spec conversion.md#configuser
    """
    user = _resolve(text, rootfs)
    added = list(extra)
    if not added:
        return user
    groups = list(_lines(rootfs, "etc/group", 4))
    gids = dict.fromkeys((*user.additional_gids, *(_group(one, one, groups) for one in added)))
    return User(uid=user.uid, gid=user.gid, additional_gids=tuple(gids), home=user.home)


def _resolve(text: str, rootfs: str | os.PathLike[str]) -> User:
    who, _, group = text.partition(":")
    passwd = list(_lines(rootfs, "etc/passwd", 7))
    number = _number(who or "0", text)
    name, uid, gid, home = _account(who, number, passwd)
    groups = list(_lines(rootfs, "etc/group", 4)) if (group or name) else []
    if group:
        return User(uid=uid, gid=_group(group, text, groups), home=home)
    if number is not None:
        return User(uid=uid, gid=gid, home=home)
    memberships = (
        _id(line[2]) for line in groups if name in (member.strip() for member in line[3].split(","))
    )
    additional = dict.fromkeys(g for g in memberships if g is not None and g != gid)
    return User(uid=uid, gid=gid, additional_gids=tuple(additional), home=home)


def _account(who: str, number: int | None, passwd: list[list[str]]) -> tuple[str, int, int, str]:
    """Name (empty if given by number), uid, gid and home of the first line that fits."""
    for name, _, uid_text, gid_text, _, home, *_ in passwd:
        uid, gid = _id(uid_text), _id(gid_text)
        fits = uid == number if number is not None else name == who
        if fits and uid is not None and gid is not None:
            return ("" if number is not None else name), uid, gid, home or "/"
    if number is None:
        raise UnknownUser(
            f"user {who!r} is not in the image's etc/passwd",
            hint="give the user's number, or a name that the image has",
            citation=_CITATION,
        )
    return "", number, 0, "/"


def _group(group: str, text: str, groups: list[list[str]]) -> int:
    number = _number(group, text)
    if number is not None:
        return number
    for name, _, gid_text, *_ in groups:
        gid = _id(gid_text)
        if name == group and gid is not None:
            return gid
    raise UnknownUser(
        f"group {group!r} is not in the image's etc/group",
        hint="give the group's number, or a name that the image has",
        citation=_CITATION,
    )


def _number(word: str, text: str) -> int | None:
    """The id that a word of digits means; None for a name."""
    if not (word.isascii() and word.isdigit()):
        return None
    if len(word) > 10 or int(word) > LARGEST_ID:
        raise UnknownUser(f"{text[:60]!r} has an id above {LARGEST_ID}", citation=_CITATION)
    return int(word)


def _id(word: str) -> int | None:
    if not (word.isascii() and word.isdigit()) or len(word) > 10:
        return None
    return int(word) if int(word) <= LARGEST_ID else None


def _lines(rootfs: str | os.PathLike[str], path: str, fields: int) -> Iterator[list[str]]:
    """The lines of a colon-separated file that have all their fields."""
    for line in _read(rootfs, path).decode(errors="surrogateescape").split("\n"):
        parts = line.split(":")
        if len(parts) >= fields and not line.startswith("#"):
            yield parts


def _read(rootfs: str | os.PathLike[str], path: str) -> bytes:
    """The start of a regular file beneath the root; empty where there is none."""
    try:
        root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NOT_SEEN:
            raise SyscallError("openat", (str(rootfs),), error.errno) from None
        return b""
    try:
        # Without O_NONBLOCK a FIFO in the place of the file would hold us for ever.
        fd = Beneath(Kernel(), root).open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except SyscallError as error:
        if error.errno in _NOT_SEEN:
            raise
        return b""
    finally:
        os.close(root)
    with open(fd, "rb") as file:
        return file.read(LARGEST_FILE) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
